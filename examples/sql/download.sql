-- Pictures in SQL, on any Spark: from addresses to bytes, each with its outcome.
--
-- The function is registered once in a session, from Python:
--     spark.udf.register("download_image", picsum_vision.download_udf())
-- It gives STRUCT<image_binary BINARY, download_outcome STRUCT<status, http_status, ...>>. A picture that cannot be had is a
-- row with its reason, never an error. The statement that uses the function fetches, each time that it is run: so the result goes
-- into a table, and what follows reads that.

CREATE SCHEMA IF NOT EXISTS platform_catalog.marketplace;

CREATE OR REPLACE TABLE platform_catalog.marketplace.fetched AS
SELECT image_url, got.image_binary, got.download_outcome
FROM (
  SELECT image_url, download_image(image_url) AS got
  FROM VALUES
    ('https://picsum.photos/id/10/320/240'),
    ('https://picsum.photos/id/86/320/240'), -- there is none with this number
    ('https://picsum.photos/id/1000/320/240') AS addresses (image_url)
);

-- How many came, and how large they are.
SELECT download_outcome.status, count(*) AS pictures, sum(download_outcome.bytes) AS bytes
FROM platform_catalog.marketplace.fetched
GROUP BY download_outcome.status;

-- Those that did not, and why.
SELECT image_url, download_outcome.status, download_outcome.http_status
FROM platform_catalog.marketplace.fetched
WHERE download_outcome.status <> 'ok';
