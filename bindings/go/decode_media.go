// The decoder of ext values.

package remotemedia

import (
	"math"
	"runtime"
	"slices"
)

// The readers here read the payloads of ext values: an array with exactly the fields of docs/wire.md.

// fields reads the head of the array.
func (d *decoder) fields(count int, what string) {
	if found, ok := d.arrayHead(); !ok || found != count {
		d.fail("%s must be an array of %d fields; lay it out as docs/wire.md says", what, count)
	}
}

func (d *decoder) arrayHead() (int, bool) {
	switch head := d.byte(); {
	case head >= 0x90 && head < 0xa0:
		return int(head & 0x0f), true
	case head == 0xdc || head == 0xdd:
		return int(d.number(2 << (head - 0xdc))), true
	}
	return 0, false
}

func (d *decoder) length(what string) int {
	head := d.byte()
	if head < 0x90 || head > 0xdd || (head >= 0xa0 && head < 0xdc) {
		d.fail("%s must be an array; lay it out as docs/wire.md says", what)
	}
	d.at--
	count, _ := d.arrayHead()
	d.enter(count, count, what)
	d.depth--
	return count
}

// integer reads a field that is an integer from low to high.
func (d *decoder) integer(what string, low, high int64) int64 {
	begin := d.at
	if head := d.byte(); head >= 0x80 && head < 0xcc || head > 0xd3 && head < 0xe0 {
		d.fail("%s must be an integer from %d to %d; lay it out as docs/wire.md says", what, low, high)
	}
	d.at = begin
	found, ok := d.value().(int64)
	if !ok || found < low || found > high {
		d.fail("%s must be an integer from %d to %d; lay it out as docs/wire.md says", what, low, high)
	}
	return found
}

func (d *decoder) size(what string) int { return int(d.integer(what, 0, math.MaxInt64)) }

func (d *decoder) isNil() bool {
	if d.at < len(d.data) && d.data[d.at] == 0xc0 {
		d.at++
		return true
	}
	return false
}

func (d *decoder) string(what string) string {
	if d.at < len(d.data) {
		if head := d.data[d.at]; head >= 0xa0 && head < 0xc0 || head >= 0xd9 && head <= 0xdb {
			return d.key()
		}
	}
	d.fail("%s must be text; lay it out as docs/wire.md says", what)
	return ""
}

func (d *decoder) optional(what string) string {
	if d.isNil() {
		return ""
	}
	return d.string(what)
}

func (d *decoder) pts() Time {
	if d.isNil() {
		return Time{}
	}
	return Time{d.integer("the pts", math.MinInt64, math.MaxInt64), true}
}

// memory reads a field that is an entry of the buffer table, or a copy of the bytes that stand here.
func (d *decoder) memory(what string) payload {
	if d.at < len(d.data) && d.data[d.at] >= 0xc4 && d.data[d.at] <= 0xc6 {
		head := d.byte()
		part := d.take(int(d.number(1<<(head-0xc4))), what)
		return payload{data: append(make([]byte, 0, len(part)), part...)}
	}
	return d.entry(d.size(what), what)
}

func (d *decoder) entry(index int, what string) payload {
	if d.buffer != nil {
		if found, ok := d.buffer(index); ok {
			return found
		}
	}
	d.fail("%s refers to buffer %d, which the table does not have; pass the buffer table that belongs to the document",
		what, index)
	return payload{}
}

// inside returns a part of a payload, which it must have.
func (d *decoder) inside(p payload, offset, length int, what string) []byte {
	if offset > len(p.data) || length > len(p.data)-offset {
		d.fail("%s reaches past its data of %d bytes; make its header stay inside", what, len(p.data))
	}
	return p.data[offset : offset+length : offset+length]
}

// indexed reads the index, offset and length of bytes in the table, and returns them in Go memory.
func (d *decoder) indexed() []byte {
	p := d.entry(d.size("the index"), "the byte string")
	offset := d.size("the offset")
	part := d.inside(p, offset, d.size("the length"), "the byte string")
	if len(part) == 0 {
		return []byte{}
	}
	return p.inGo(part)
}

func (d *decoder) tensor() *Tensor {
	d.fields(5, "the tensor")
	t := &Tensor{DType: d.string("the dtype of the tensor")}
	size, known := elementSizes[t.DType]
	if !known {
		d.fail("the dtype of the tensor must be the name of a data type such as float32, it is %q; "+
			"lay it out as docs/wire.md says", t.DType)
	}
	dimensions := d.length("the shape of the tensor")
	if dimensions > maxDimensions {
		d.fail("a tensor has at most %d dimensions, this one has %d; reshape it", maxDimensions, dimensions)
	}
	count := 1
	if dimensions > 0 {
		t.Shape = make([]int, dimensions)
	}
	for i := range t.Shape {
		t.Shape[i] = d.size("a size of the tensor")
		count = d.product(count, t.Shape[i])
	}
	if slices.Contains(t.Shape, 0) {
		count = 0
	}
	if !d.isNil() {
		if found := d.length("the strides of the tensor"); found != dimensions {
			d.fail("the tensor has %d sizes and %d strides; give one for each", dimensions, found)
		}
		t.strides = make([]int, dimensions)
		for i := range t.strides {
			t.strides[i] = int(d.integer("a stride of the tensor", math.MinInt64, math.MaxInt64))
		}
	}
	t.payload = d.memory("the data of the tensor")
	t.offset = d.size("the offset of the tensor")
	if count == 0 {
		t.strides, t.offset, t.payload = nil, 0, payload{}
		return t
	}
	d.checkTensor(t, count, size)
	return t
}

// product multiplies sizes; what is too large for an int stays too large.
func (d *decoder) product(a, b int) int {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

func (d *decoder) checkTensor(t *Tensor, count, size int) {
	total := d.product(count, size)
	if total > max(maxExtent, len(t.payload.data)) {
		d.fail("a tensor of the shape %v takes more than %d bytes, the limit extent; make it smaller", t.Shape, maxExtent)
	}
	if t.strides == nil {
		d.inside(t.payload, t.offset, total, "the array")
		return
	}
	for i, stride := range t.strides {
		// Beyond this, the sums below could overflow; no buffer is so large.
		if reach := t.Shape[i] - 1; reach > 0 && (stride > math.MaxInt32*1024/reach || stride < -math.MaxInt32*1024/reach) {
			d.fail("the array reaches past its data; make shape, strides and offset stay inside the buffer")
		}
	}
	low, high := extent(t.Shape, t.strides, t.offset, size)
	if t.offset > len(t.payload.data) || low < 0 || high > len(t.payload.data) {
		d.fail("the array reaches from byte %d to byte %d, the buffer has %d bytes; make shape, strides and offset stay "+
			"inside the buffer", low, high, len(t.payload.data))
	}
	if t.isContiguous() {
		t.strides = nil
	}
}

func (d *decoder) audio() *Audio {
	d.fields(8, "the audio")
	a := &Audio{Rate: int(d.integer("the rate of the audio", 1, math.MaxUint32))}
	if a.hasLayout = !d.isNil(); a.hasLayout {
		a.Layout = d.string("the layout of the audio")
	}
	a.PTS = d.pts()
	a.channels = int(d.integer("the number of channels", 1, maxChannels))
	a.frames = d.size("the number of frames")
	a.stride = d.size("the channel stride")
	a.payload = d.memory("the data of the audio")
	a.offset = d.size("the offset of the audio")
	if a.frames == 0 {
		a.stride, a.offset, a.payload = 0, 0, payload{}
		return a
	}
	length := d.product(4, a.frames)
	if d.product(length, a.channels) > max(maxExtent, len(a.payload.data)) {
		d.fail("audio of %d channels and %d frames takes more than %d bytes, the limit extent; send it in parts",
			a.channels, a.frames, maxExtent)
	}
	d.inside(a.payload, a.offset, length, "the audio")
	if a.channels > 1 {
		if last := d.product(a.channels-1, a.stride); last > len(a.payload.data) {
			d.fail("the audio reaches past its data of %d bytes; make its header stay inside", len(a.payload.data))
		}
		d.inside(a.payload, a.offset+(a.channels-1)*a.stride, length, "the audio")
	}
	return a
}

func (d *decoder) video() *Video {
	d.fields(5, "the picture")
	v := &Video{Format: d.string("the format of the picture")}
	v.Width = int(d.integer("the width", 0, math.MaxUint32))
	v.Height = int(d.integer("the height", 0, math.MaxUint32))
	v.PTS = d.pts()
	sizes, known := planeSizes(v.Format, v.Width, v.Height)
	if count := d.length("the planes of the picture"); !known || count != len(sizes) {
		d.fail("a picture of the format %q with %d planes is not known; lay it out as docs/wire.md says", v.Format, count)
	}
	for _, size := range sizes {
		d.fields(3, "a plane")
		p := plane{payload: d.memory("the data of a plane"), offset: d.size("the offset of a plane")}
		p.stride = d.size("the stride of a plane")
		if p.stride < size.row && size.rows > 1 {
			d.fail("the stride of a plane is %d, and a row has %d bytes; make it at least as large", p.stride, size.row)
		}
		if size.rows > 1 && d.product(size.rows-1, p.stride) > len(p.payload.data) {
			d.fail("a plane reaches past its data of %d bytes; make its header stay inside", len(p.payload.data))
		}
		d.inside(p.payload, p.offset, size.extent(p.stride), "a plane")
		v.planes = append(v.planes, p)
	}
	return v
}

func (d *decoder) table() *Table {
	d.fields(3, "the table")
	t := &Table{Rows: d.size("the rows of the table"), Metadata: d.bin("the metadata of the table")}
	for range d.length("the columns of the table") {
		t.Columns = append(t.Columns, d.column(1))
	}
	return t
}

func (d *decoder) column(depth int) Column {
	if depth > maxDepth {
		d.fail("columns lie more than %d deep inside each other, the limit depth; nest them less deeply", maxDepth)
	}
	d.fields(10, "a column")
	c := Column{Name: d.string("the name of a column"), Format: d.string("the format of a column")}
	c.Flags = int(d.integer("the flags of a column", math.MinInt64, math.MaxInt64))
	c.Metadata = d.bin("the metadata of a column")
	c.Length = d.size("the length of a column")
	c.NullCount = int(d.integer("the null count of a column", -1, math.MaxInt64))
	c.Offset = d.size("the offset of a column")
	for range d.length("the buffers of a column") {
		c.Buffers = append(c.Buffers, d.columnBuffer())
	}
	for range d.length("the children of a column") {
		c.Children = append(c.Children, d.column(depth+1))
	}
	if !d.isNil() {
		dictionary := d.column(depth + 1)
		c.Dictionary = &dictionary
	}
	return c
}

func (d *decoder) columnBuffer() []byte {
	if d.isNil() {
		return nil
	}
	var part []byte
	if d.at < len(d.data) && d.data[d.at] >= 0x90 && d.data[d.at] < 0xa0 {
		d.fields(3, "a buffer of a column")
		part = d.indexed()
	} else {
		p := d.memory("a buffer of a column")
		part = p.inGo(p.data)
	}
	runtime.KeepAlive(d)
	if part == nil {
		part = []byte{}
	}
	return part
}

func (d *decoder) bin(what string) []byte {
	if d.at < len(d.data) && d.data[d.at] >= 0xc4 && d.data[d.at] <= 0xc6 {
		return d.value().([]byte)
	}
	d.fail("%s must be a byte string; lay it out as docs/wire.md says", what)
	return nil
}

func (d *decoder) file() *File {
	d.fields(5, "the file")
	f := &File{}
	hasPath := !d.isNil()
	if hasPath {
		f.Path = d.string("the path of the file")
	}
	f.MIME = d.optional("the MIME type of the file")
	if d.isNil() != hasPath {
		d.fail("a file has either a path or data; lay it out as docs/wire.md says")
	}
	if hasPath {
		d.size("the offset of the file")
		d.size("the length of the file")
		return f
	}
	p := d.memory("the data of the file")
	offset := d.size("the offset of the file")
	part := d.inside(p, offset, d.size("the length of the file"), "the file")
	if f.Content = p.inGo(part); f.Content == nil {
		f.Content = []byte{}
	}
	return f
}
