"""Tests of renamed options: an old name is refused with the new one, before any work begins."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("convert", "m", "a.mp4", "--who", "1"), "--who is now --person"),
        (("convert", "m", "a.mp4", "--paint=x.mov"), "--paint is now --mask-clip"),
        (("animate", "p", "--paint", "geometry"), "--paint is now --renderer"),
        (("train", "--project", "film"), "--project is now --purpose"),
        (("train", "--source-who", "0"), "--source-who is now --source-person"),
        (("convert", "m", "a.mp4", "--colour", "none"), "--colour is now --color"),
        (("bench",), "python -m benchmarks"),
    ],
)
def test_an_old_name_says_the_new_one(here, arguments, told):
    ended = here(*arguments)
    assert ended.code == 2 and told in ended.line()
