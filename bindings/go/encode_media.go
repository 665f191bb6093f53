// The encoder of ext values.

package remotemedia

import (
	"encoding/binary"
	"math"
	"runtime"
	"strconv"
)

// part writes the data of a payload, inline or as a place in the table, and returns the offset that belongs to it.
func (e *encoder) part(p *payload, offset, length int) int {
	if length < inlineBelow {
		e.bin(p.data[offset : offset+length])
		runtime.KeepAlive(p.native)
		return 0
	}
	e.int(int64(e.reference(p.data, p.native)))
	return offset
}

func (e *encoder) audio(a *Audio) error {
	if a == nil {
		e.nil()
		return nil
	}
	if a.Rate < 1 || a.Rate > math.MaxUint32 || a.channels < 1 {
		return refuse("audio of %d Hz with %d channels; make it with NewAudio, with a rate from 1 to 2^32-1", a.Rate, a.channels)
	}
	var err error
	e.ext(extAudio, func() {
		e.array(8)
		e.int(int64(a.Rate))
		if a.Layout != "" || a.hasLayout {
			err = within(e.text(a.Layout), ".Layout")
		} else {
			e.nil()
		}
		e.time(a.PTS)
		e.int(int64(a.channels))
		e.int(int64(a.frames))
		size := 4 * a.frames
		if total := size * a.channels; total < inlineBelow {
			e.int(int64(size))
			e.head(total, 0, 0, 0xc4)
			for channel := range a.channels {
				e.out = append(e.out, a.plane(channel)...)
			}
			e.int(0)
			runtime.KeepAlive(a)
			return
		}
		e.int(int64(a.stride))
		e.int(int64(e.reference(a.payload.data, a.payload.native)))
		e.int(int64(a.offset))
	})
	return err
}

func (e *encoder) tensor(t *Tensor) error {
	if t == nil {
		e.nil()
		return nil
	}
	size, known := elementSizes[t.DType]
	if !known || len(t.Shape) > maxDimensions {
		return refuse("a tensor of the type %q with %d dimensions; make it with NewTensor", t.DType, len(t.Shape))
	}
	total := t.Len() * size
	if t.strides == nil && t.offset+total > len(t.payload.data) {
		return refuse("the shape of a tensor was changed to %v, which its elements don't fill", t.Shape)
	}
	e.ext(extTensor, func() {
		e.array(5)
		_ = e.text(t.DType)
		e.array(len(t.Shape))
		for _, length := range t.Shape {
			e.int(int64(length))
		}
		if total < inlineBelow {
			e.nil()
			e.bin(t.contiguous())
			e.int(0)
			runtime.KeepAlive(t)
			return
		}
		if t.isContiguous() {
			e.nil()
		} else {
			e.array(len(t.strides))
			for _, stride := range t.strides {
				e.int(int64(stride))
			}
		}
		e.int(int64(e.reference(t.payload.data, t.payload.native)))
		e.int(int64(t.offset))
	})
	return nil
}

func (e *encoder) video(v *Video) error {
	if v == nil {
		e.nil()
		return nil
	}
	sizes, known := planeSizes(v.Format, v.Width, v.Height)
	if !known || len(sizes) != len(v.planes) {
		return refuse("a picture of the format %q with %d planes; make it with NewVideo", v.Format, len(v.planes))
	}
	for i := range v.planes {
		if p := &v.planes[i]; !sizes[i].fits(p.stride, len(p.payload.data)-p.offset) {
			return refuse("the size of a picture was changed to %dx%d, which its planes don't fill", v.Width, v.Height)
		}
	}
	e.ext(extVideo, func() {
		e.array(5)
		_ = e.text(v.Format)
		e.int(int64(v.Width))
		e.int(int64(v.Height))
		e.time(v.PTS)
		e.array(len(v.planes))
		for i := range v.planes {
			p := &v.planes[i]
			e.array(3)
			e.int(int64(e.part(&p.payload, p.offset, sizes[i].extent(p.stride))))
			e.int(int64(p.stride))
		}
	})
	return nil
}

func (e *encoder) file(f *File) error {
	if f == nil {
		e.nil()
		return nil
	}
	if (f.Path == "") == (f.Content == nil) {
		return refuse("a File has either a Path or Content")
	}
	var err error
	e.ext(extFile, func() {
		e.array(5)
		if err = within(e.optional(f.Path), ".Path"); err != nil {
			return
		}
		if err = within(e.optional(f.MIME), ".MIME"); err != nil {
			return
		}
		if f.Content == nil {
			e.nil()
			e.int(0)
			e.int(0)
			return
		}
		e.int(int64(e.part(&payload{data: f.Content}, 0, len(f.Content))))
		e.int(int64(len(f.Content)))
	})
	return err
}

func (e *encoder) tableValue(t *Table) error {
	if t == nil {
		e.nil()
		return nil
	}
	var err error
	e.ext(extTable, func() {
		e.array(3)
		e.int(int64(t.Rows))
		e.bin(t.Metadata)
		e.array(len(t.Columns))
		for i := range t.Columns {
			if err = e.column(&t.Columns[i]); err != nil {
				err = within(err, ".Columns["+strconv.Itoa(i)+"]")
				return
			}
		}
	})
	return err
}

func (e *encoder) column(c *Column) error {
	if err := e.deeper(); err != nil {
		return err
	}
	e.array(10)
	if err := e.text(c.Name); err != nil {
		return within(err, ".Name")
	}
	if err := e.text(c.Format); err != nil {
		return within(err, ".Format")
	}
	e.int(int64(c.Flags))
	e.bin(c.Metadata)
	e.int(int64(c.Length))
	e.int(int64(c.NullCount))
	e.int(int64(c.Offset))
	e.array(len(c.Buffers))
	for _, buffer := range c.Buffers {
		switch {
		case buffer == nil:
			e.nil()
		case len(buffer) < inlineBelow:
			e.bin(buffer)
		default:
			e.int(int64(e.reference(buffer, nil)))
		}
	}
	e.array(len(c.Children))
	for i := range c.Children {
		if err := e.column(&c.Children[i]); err != nil {
			return within(err, ".Children["+strconv.Itoa(i)+"]")
		}
	}
	e.depth--
	if c.Dictionary == nil {
		e.nil()
		return nil
	}
	return within(e.column(c.Dictionary), ".Dictionary")
}

func (e *encoder) timestamp(t Timestamp) error {
	if t.Nanoseconds > 999_999_999 {
		return refuse("a timestamp has nanoseconds from 0 to 999,999,999, not %d", t.Nanoseconds)
	}
	code := byte(extTimestamp & 0xff)
	switch {
	case t.Nanoseconds == 0 && t.Seconds >= 0 && t.Seconds <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, 0xd6, code), uint32(t.Seconds))
	case t.Seconds >= 0 && t.Seconds < 1<<34:
		e.out = binary.BigEndian.AppendUint64(append(e.out, 0xd7, code), uint64(t.Nanoseconds)<<34|uint64(t.Seconds))
	default:
		e.out = binary.BigEndian.AppendUint32(append(e.out, 0xc7, 12, code), t.Nanoseconds)
		e.out = binary.BigEndian.AppendUint64(e.out, uint64(t.Seconds))
	}
	return nil
}
