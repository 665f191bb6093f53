// Times: places in a stream, and points in time.

package remotemedia

import (
	"fmt"
	"time"
)

// Time is a place in a stream, or a length, in whole nanoseconds. The zero Time is unknown.
type Time struct {
	ns    int64
	known bool
}

// At is the Time that lies this long after the beginning of a stream, or lasts this long.
func At(d time.Duration) Time { return Time{int64(d), true} }

// Known reports whether there is a time.
func (t Time) Known() bool { return t.known }

// Duration is the time as the standard library has it; 0 if it is unknown.
func (t Time) Duration() time.Duration { return time.Duration(t.ns) }

// or is the time, or another one if it is unknown.
func (t Time) or(other Time) Time {
	if t.known {
		return t
	}
	return other
}

func (t Time) String() string {
	if !t.known {
		return "unknown"
	}
	return t.Duration().String()
}

// milliseconds is a length as the runtime takes it. One that is not of whole milliseconds is a float, which it refuses
// where it takes ints.
func milliseconds(d time.Duration) any {
	if d%time.Millisecond == 0 {
		return d.Milliseconds()
	}
	return float64(d) / float64(time.Millisecond)
}

// microseconds is a time limit as the runtime takes it, never less: what it bounds does not end before.
func microseconds(limit time.Duration) int64 {
	whole := limit.Microseconds()
	if limit%time.Microsecond > 0 {
		whole++
	}
	return whole
}

// Timestamp is a point in time with the range of the wire format, which is wider than that of time.Time's methods. A
// time.Time is encoded as one.
type Timestamp struct {
	// Seconds since 1970-01-01T00:00:00Z, and nanoseconds within the second, from 0 to 999,999,999.
	Seconds     int64
	Nanoseconds uint32
}

// Time is the timestamp in UTC.
func (t Timestamp) Time() time.Time { return time.Unix(t.Seconds, int64(t.Nanoseconds)).UTC() }

func (t Timestamp) String() string {
	if t.Seconds < -62135596800 || t.Seconds > 253402300799 {
		return fmt.Sprintf("%d.%09d s", t.Seconds, t.Nanoseconds)
	}
	return t.Time().Format(time.RFC3339Nano)
}
