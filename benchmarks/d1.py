"""D1, the notebook's downloads: redirect and a 44 kB picture, lognormal latency of 250 ms a hop."""

from __future__ import annotations

from benchmarks.contestants import bare_client, engine_alone, in_spark
from benchmarks.measuring import alternate, arguments, report
from picsum_vision.options import DownloadOptions
from picsum_vision.spark.session import local_session
from picsum_vision.testing.image_server import ImageServer, Latency


def main() -> None:
    """Measure the bare client, the engine alone and the library in Spark, at the same number in flight in all."""
    asked = arguments(__doc__ or "", images=5_000, in_flight=1_024, partitions=2)
    each = asked.in_flight // asked.partitions
    fixed = DownloadOptions(
        max_in_flight_per_task=each, max_in_flight_per_host_per_task=each, allow_private_addresses=True, total_timeout_s=30
    )
    alone = DownloadOptions(
        max_in_flight_per_task=asked.in_flight,
        max_in_flight_per_host_per_task=asked.in_flight,
        allow_private_addresses=True,
        total_timeout_s=30,
    )
    spark = local_session(master=f"local[{asked.partitions}]")
    with ImageServer(latency=Latency(mean_s=0.25), missing_ids=[1], warm_sizes=[(800, 600)]) as server:
        urls = [f"{server.base_url}/seed/{number}/800/600" for number in range(asked.images)]
        contestants = {
            "bare": bare_client(urls, asked.in_flight),
            "engine": engine_alone(urls, alone),
            "spark_noop": in_spark(spark, urls, fixed, asked.partitions, "noop"),
            "spark_parquet": in_spark(spark, urls, fixed, asked.partitions, "parquet"),
        }
        results = alternate(server, contestants, asked.rounds)
    report(
        "the rate at a given number in flight, with the waits of a remote host, until the rows are readable in their sink",
        "the network's own limits: client and server share one machine and its loopback",
        results,
        "bare",
        asked.output,
    )
    spark.stop()


if __name__ == "__main__":
    main()
