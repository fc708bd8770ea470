"""URLs of Lorem Picsum as a DataFrame."""

from __future__ import annotations

import socket
import urllib.request

import pytest

import picsum_vision as pv


def urls(df) -> list[str]:
    return [row.image_url for row in df.collect()]


def test_default_urls_are_those_of_the_notebook(spark):
    """Without settings the URLs are the notebook's: ids from 1 to 1000, 800 x 600, on the real service."""
    df = pv.generate_urls(spark)
    assert df.columns == ["image_url"]
    assert df.count() == 1000
    found = set(urls(df))
    assert {"https://picsum.photos/id/1/800/600", "https://picsum.photos/id/1000/800/600"} <= found
    assert len(found) == 1000


def test_start_size_and_base_url_are_in_the_urls(spark):
    """Number, size and host are as asked, and a slash behind the host changes nothing."""
    df = pv.generate_urls(spark, 3, start=7, width=320, height=0, base_url="http://127.0.0.1:9/")
    assert sorted(urls(df)) == [f"http://127.0.0.1:9/id/{number}/320/0" for number in (7, 8, 9)]


def test_no_python_runs_in_the_workers(spark, capsys):
    """The URLs are put together by Spark's own expressions, not by a Python function."""
    pv.generate_urls(spark, 10).explain(True)
    plan = capsys.readouterr().out
    assert "concat" in plan
    assert "Python" not in plan
    assert "Arrow" not in plan


@pytest.mark.parametrize(
    ("settings", "ending"),
    [
        ({"grayscale": True}, "/id/1/40/30?grayscale"),
        ({"blur": 3}, "/id/1/40/30?blur=3"),
        ({"grayscale": True, "blur": 10, "suffix": ".webp"}, "/id/1/40/30.webp?grayscale&blur=10"),
        ({"suffix": ".jpg"}, "/id/1/40/30.jpg"),
        ({"by": "seed"}, "/seed/1/40/30"),
    ],
)
def test_every_form_is_answered_with_a_picture(spark, image_server, settings, ending):
    """Each form of URL is what it should be, and the image host answers it with a picture."""
    (url,) = urls(pv.generate_urls(spark, 1, width=40, height=30, base_url=image_server.base_url, **settings))
    assert url == image_server.base_url + ending
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("image/")


def test_seeds_are_not_bounded_by_the_pictures_that_exist(spark):
    """With seeds there can be any number of URLs, all different."""
    assert pv.generate_urls(spark, 5000, by="seed").distinct().count() == 5000


def test_list_gives_only_pictures_that_exist(spark, image_server):
    """By list, the numbers are the host's own, over several pages, so that none of them is missing."""
    found = urls(pv.generate_urls(spark, 250, by="list", width=8, height=8, base_url=image_server.base_url))
    assert len(found) == len(set(found)) == 250
    numbers = [int(url.split("/")[-3]) for url in found]
    assert not set(numbers) & {86, 97, 105, 138, 148, 150, 205, 207, 224, 226}
    later = urls(pv.generate_urls(spark, 5, by="list", start=151, width=8, height=8, base_url=image_server.base_url))
    assert [int(url.split("/")[-3]) for url in later] == numbers[150:155]


def test_list_that_ends_early_gives_what_there_is_and_says_so(spark, image_server):
    """Asking for more than the host lists gives all that it lists, with a warning that says how many."""
    with pytest.warns(UserWarning, match=r"count: the host lists 995 pictures"):
        df = pv.generate_urls(spark, 2000, by="list", base_url=image_server.base_url)
    assert df.count() == 995


def test_list_of_a_host_that_does_not_answer_is_one_line(spark):
    """A list that cannot be read is an error which names the setting and the address."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(pv.ImageSourceError, match=r"^base_url: http://127.0.0.1:\d+/v2/list\S* cannot be read") as caught:
            pv.generate_urls(spark, 5, by="list", base_url=address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "count: 0 is not allowed"),
        ({"count": -3}, "count: -3 is not allowed"),
        ({"count": True}, "count: True is not allowed"),
        ({"count": 2.5}, "count: 2.5 is not allowed"),
        ({"start": -1}, "start: -1 is not allowed"),
        ({"width": -1}, "width: -1 is not allowed; it must be an integer from 0 to 5000"),
        ({"width": 5001}, "width: 5001 is not allowed"),
        ({"height": "600"}, "height: '600' is not allowed"),
        ({"by": "ids"}, 'did you mean "id"'),
        ({"blur": 11}, "blur: 11 is not allowed"),
        ({"suffix": ".gif"}, "suffix: '.gif' is not allowed"),
        ({"base_url": "picsum.photos"}, "base_url: 'picsum.photos' is not allowed"),
        ({"base_url": "http://user:pass@host/?token=1"}, "base_url: 'http://host/' is not allowed"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(spark, settings, message):
    """A wrong setting is one line that names it, its value and what is allowed, and never a secret in an address."""
    with pytest.raises(pv.SettingError) as caught:
        pv.generate_urls(spark, **settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pass" not in str(caught.value)
