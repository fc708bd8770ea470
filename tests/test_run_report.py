"""A run's figures as a notebook shows them."""

from __future__ import annotations

from html_elements import Elements

from picsum_vision.run_report import NO_ADDRESSES, RunReport, StageReport


def report(**changed) -> RunReport:
    download = StageReport(by_status={"ok": 913, "http_error": 87}, seconds=4.0, skipped=200, bytes=40_000_000)
    describe = StageReport(
        by_status={"ok": 913, "no_image": 87}, seconds=8.0, skipped=0, bytes=0, input_tokens=7_000, output_tokens=900, cost=0.25
    )
    fields = {
        "run_id": "abc",
        "rows": 1000,
        "download": download,
        "describe": describe,
        "tables": {"image_desc": "c.s.image_desc"},
    }
    return RunReport(**(fields | {"seconds": 12.5} | changed))


def test_a_notebook_shows_the_figures():
    """The table has both stages with rates, tokens and cost, and every failing status with what it means."""
    texts = Elements(report()._repr_html_()).texts
    assert texts[0] == "1,000 rows in 12.5 s (run abc)"
    described = texts.index("described")
    assert texts[described + 1 : described + 7] == ["913", "87", "0", "8.0", "125.0", "7,000 + 900"]
    assert texts[described + 7] == "0.2500"
    assert "http_error" in texts
    assert "nothing to describe: the download failed" in texts
    assert texts[-1] == "tables: c.s.image_desc"
    assert not any(text.startswith("min_ok_share") for text in texts)
    missed = report(min_ok_share=0.95)._repr_html_()
    assert "min_ok_share: 0.913 of the rows are ok, 0.95 were asked for" in Elements(missed).texts


def test_names_are_text():
    """A table's name or a run's id with markup in it stays text."""
    attack = "<script>alert(1)</script>"
    attacked = Elements(report(run_id=attack, tables={"image_desc": attack})._repr_html_())
    assert attacked.tags == Elements(report()._repr_html_()).tags
    assert f"tables: {attack}" in attacked.texts


def test_failures_that_can_change_are_pointed_to():
    """Rows that an earlier run left failed for a passing reason are counted, with the setting that tries them again."""
    hint = "17 rows failed before for a reason that can change: try again with --retry-failed (retry_failed=True)"
    left = report(could_be_tried_again=17)
    assert hint in str(left).splitlines()
    assert hint in Elements(left._repr_html_()).texts
    assert "1 row failed" in str(report(could_be_tried_again=1))
    assert "retry" not in str(report())


def test_a_run_without_addresses_says_so():
    """Where nothing was asked for, text and notebook say that instead of figures, and a share that was asked for is missed."""
    nothing = StageReport(by_status={}, seconds=0.0, skipped=0, bytes=0)
    empty = {"rows": 0, "download": nothing, "describe": nothing}
    assert str(report(**empty)).splitlines()[1] == NO_ADDRESSES
    assert NO_ADDRESSES in Elements(report(**empty)._repr_html_()).texts
    assert "there already" not in str(report(**empty))
    assert (report(**empty).ok_share, report(**empty).succeeded) == (0.0, True)
    missed = report(**empty, min_ok_share=0.9)
    assert not missed.succeeded
    assert "min_ok_share: 0.000 of the rows are ok, 0.9 were asked for" in str(missed)
