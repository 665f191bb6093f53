"""Datetimes: exact to the microsecond in every year and zone, and what is said of those that are no moments."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

import msgpack
import pytest
import remotemedia as rm
from conftest import PASS_TEXT, chain
from hypothesis import given, settings
from hypothesis import strategies as st
from remotemedia._codec.call_buffers import acquire, release

pd = pytest.importorskip("pandas")
UTC = dt.timezone.utc
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

engines = pytest.mark.parametrize("engine", ["native", "python"])


def zone(minutes: int, microseconds: int = 0) -> dt.timezone:
    return dt.timezone(dt.timedelta(minutes=minutes, microseconds=microseconds))


def exactly(moment: dt.datetime) -> tuple[int, int, int]:
    """A moment in integers: what subtracts zones as Python does for a comparison would not tell all of them apart."""
    offset = moment.utcoffset()
    assert offset is not None
    span = moment.replace(tzinfo=None) - dt.datetime(1970, 1, 1) - offset
    return span.days, span.seconds, span.microseconds


@engines
@given(
    moment=st.datetimes(
        min_value=dt.datetime(1, 1, 2),
        max_value=dt.datetime(9999, 12, 30),
        timezones=st.builds(zone, st.integers(-1439, 1439), st.integers(0, 59_999_999))
        | st.sampled_from([UTC, BERLIN, zoneinfo.ZoneInfo("America/New_York"), zoneinfo.ZoneInfo("Asia/Kathmandu")]),
    )
)
@settings(max_examples=150, deadline=None)
def test_a_moment_comes_back_exactly_in_utc(engine: Any, moment: dt.datetime) -> None:
    (back,) = rm.execute_sync(PASS_TEXT, [moment], engine=engine)
    assert (type(back), back.tzinfo, exactly(back)) == (dt.datetime, UTC, exactly(moment))


@engines
@pytest.mark.parametrize(
    ("moment", "back"),
    [
        # The hour that there is twice, and the one that there is not (PEP 495).
        (dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), dt.datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (dt.datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN), dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (dt.datetime(1800, 1, 1, tzinfo=BERLIN), dt.datetime(1799, 12, 31, 23, 6, 32, tzinfo=UTC)),
        (dt.datetime.max.replace(tzinfo=zone(1)), dt.datetime(9999, 12, 31, 23, 58, 59, 999999, UTC)),
        (dt.datetime.min.replace(tzinfo=zone(-1)), dt.datetime(1, 1, 1, 0, 1, tzinfo=UTC)),
        (dt.datetime.max.replace(tzinfo=UTC), dt.datetime.max.replace(tzinfo=UTC)),
        (dt.datetime.min.replace(tzinfo=UTC), dt.datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_odd_hours_and_the_ends_of_time_are_exact(engine: Any, moment: dt.datetime, back: dt.datetime) -> None:
    (found,) = rm.execute_sync(PASS_TEXT, [moment], engine=engine)
    assert repr(found) == repr(back)


@pytest.mark.parametrize(
    ("moment", "payload"),
    [
        (dt.datetime(1970, 1, 1, tzinfo=UTC), "00000000"),
        (dt.datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC), "ffffffff"),
        (dt.datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC), "0000000100000000"),
        (dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), "00000fa000000000"),
        (dt.datetime(2514, 5, 30, 1, 53, 3, 999999, tzinfo=UTC), "ee6b1863ffffffff"),
        (dt.datetime(2514, 5, 30, 1, 53, 4, tzinfo=UTC), "000000000000000400000000"),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "3b9ac618ffffffffffffffff"),
    ],
)
def test_a_moment_travels_in_the_first_form_that_fits(moment: dt.datetime, payload: str) -> None:
    used = acquire()
    packed = used.pack(moment, "value")
    release(used)
    assert packed == msgpack.packb(moment, datetime=True)
    assert packed[-len(payload) // 2 :].hex() == payload


class Nowhere(dt.tzinfo):
    """A zone that does not know its place."""

    def utcoffset(self, moment: dt.datetime | None) -> None:
        return None


class MyMoment(dt.datetime):
    """A datetime with a name."""


@engines
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (dt.datetime(2026, 1, 1), "a datetime without a time zone is no moment; write value.astimezone()"),
        (dt.datetime(2026, 1, 1, tzinfo=Nowhere()), "a datetime without a time zone is no moment; "
         "write value.astimezone()"),
        (dt.datetime(1, 1, 1, tzinfo=zone(840)), "the datetime 0001-01-01T00:00:00+14:00 is outside of the years 1 to "
         "9999 in UTC; write value.replace(tzinfo=datetime.timezone.utc) if its zone does not matter"),
        (dt.datetime.max.replace(tzinfo=zone(-1)), "the datetime 9999-12-31T23:59:59.999999-00:01 is outside of the "
         "years 1 to 9999 in UTC; write value.replace(tzinfo=datetime.timezone.utc) if its zone does not matter"),
        (MyMoment(2026, 1, 1, tzinfo=UTC), "MyMoment is a subclass of datetime and would come back as datetime; "
         "write datetime.combine(value.date(), value.timetz()) if that is meant"),
        (pd.Timestamp(1, unit="ns", tz="UTC"), "Timestamp is a subclass of datetime and would come back as datetime, "
         "without its nanoseconds; write value.to_pydatetime() if that is meant"),
        (pd.NaT, "NaT is no moment; write None"),
        (dt.date(2026, 1, 1), "a datetime.date can't cross; write value.isoformat()"),
        (dt.time(1), "a datetime.time can't cross; write value.isoformat()"),
        (dt.timedelta(1), "a datetime.timedelta can't cross; write value // datetime.timedelta(microseconds=1), or "
         "value.total_seconds()"),
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_the_cure(engine: Any, value: Any, message: str) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, [0, {"when": value}], engine=engine)
    assert str(caught.value) == f"inputs[1].when: {message}"
    with pytest.raises(rm.NodeError) as refused:
        rm.execute_sync(chain(("f", lambda _: [value], {})), [1], engine=engine)
    assert refused.value.cause == f"MarshalError: the returned value[0]: {message}"
