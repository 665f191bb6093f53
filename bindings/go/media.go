// Pictures, files and tables.

package remotemedia

import (
	"fmt"
	"runtime"
)

// Video is one picture.
type Video struct {
	// Format is "gray", "rgb24", "rgba", "yuv420p" or "nv12".
	Format        string
	Width, Height int
	PTS           Time

	planes []plane
}

type plane struct {
	payload        payload
	offset, stride int
}

// Plane is a plane of a picture: its rows, and the distance in bytes from one to the next.
type Plane struct {
	Data   []byte
	Stride int
}

// NewVideo makes a picture of the planes of its format, whose rows follow each other without gaps. The slices are
// used, not copied. It panics if their number or sizes are not those of the format.
func NewVideo(format string, width, height int, planes ...[]byte) *Video {
	sizes, _ := planeSizes(format, width, height)
	strided := make([]Plane, len(planes))
	for i := range planes {
		strided[i].Data = planes[i]
		if i < len(sizes) {
			strided[i].Stride = sizes[i].row
		}
	}
	return NewVideoStrided(format, width, height, strided...)
}

// NewVideoStrided makes a picture of planes whose rows may have gaps between them; behind the last row there is none.
// It panics like NewVideo.
func NewVideoStrided(format string, width, height int, planes ...Plane) *Video {
	sizes, known := planeSizes(format, width, height)
	if !known || len(planes) != len(sizes) {
		panic(fmt.Sprintf("remotemedia.NewVideo: %d planes for the format %q", len(planes), format))
	}
	v := &Video{Format: format, Width: width, Height: height}
	for i, size := range sizes {
		if each := planes[i]; each.Stride < size.row && size.rows > 1 || len(each.Data) != size.extent(each.Stride) {
			panic(fmt.Sprintf("remotemedia.NewVideo: plane %d has %d bytes, which are not %d rows of %d bytes, each %d after the "+
				"one before", i, len(each.Data), size.rows, size.row, each.Stride))
		}
		v.planes = append(v.planes, plane{payload: payload{data: planes[i].Data}, stride: planes[i].Stride})
	}
	return v
}

// Planes is the number of planes.
func (v *Video) Planes() int { return len(v.planes) }

// Plane returns the bytes of a plane in Go memory, and the distance from one row to the next. What the runtime holds
// is copied.
func (v *Video) Plane(index int) (data []byte, stride int) {
	data, stride = v.plane(index)
	return v.planes[index].payload.inGo(data), stride
}

// View calls see with a plane where it lies, without a copy; the bytes must not be used after see has returned.
func (v *Video) View(index int, see func(data []byte, stride int)) {
	see(v.plane(index))
	runtime.KeepAlive(v)
}

func (v *Video) String() string {
	return fmt.Sprintf("Video(%s, %dx%d, pts %v)", v.Format, v.Width, v.Height, v.PTS)
}

func (v *Video) plane(index int) ([]byte, int) {
	sizes, _ := planeSizes(v.Format, v.Width, v.Height)
	p := &v.planes[index]
	return p.payload.data[p.offset : p.offset+sizes[index].extent(p.stride)], p.stride
}

type planeSize struct{ rows, row int }

// extent is how many bytes rows with this stride take.
func (s planeSize) extent(stride int) int {
	if s.rows == 0 || s.row == 0 {
		return 0
	}
	return (s.rows-1)*stride + s.row
}

// fits reports whether rows with this stride lie within so many bytes.
func (s planeSize) fits(stride, length int) bool {
	return s.rows >= 0 && s.row >= 0 && (stride >= s.row || s.rows < 2) && s.extent(stride) <= length
}

func planeSizes(format string, width, height int) ([]planeSize, bool) {
	halfWidth, halfHeight := (width+1)/2, (height+1)/2
	switch format {
	case "gray":
		return []planeSize{{height, width}}, true
	case "rgb24":
		return []planeSize{{height, 3 * width}}, true
	case "rgba":
		return []planeSize{{height, 4 * width}}, true
	case "yuv420p":
		return []planeSize{{height, width}, {halfHeight, halfWidth}, {halfHeight, halfWidth}}, true
	case "nv12":
		return []planeSize{{height, width}, {halfHeight, 2 * halfWidth}}, true
	}
	return nil, false
}

// File is a file by its path, or by its content.
type File struct {
	// Path names a file of this machine; empty if Content has it.
	Path string
	// Content is used, not copied; nil if Path is given.
	Content []byte
	// MIME is the type, such as "audio/flac", if known.
	MIME string
}

// Table is one batch of columns in the layout of Arrow, which the runtime carries and does not interpret.
type Table struct {
	Rows int
	// Metadata is in Arrow's encoding.
	Metadata []byte
	Columns  []Column
}

// Column is an array of the Arrow C data interface with its schema.
type Column struct {
	Name, Format string
	// Flags has 1 for an ordered dictionary, 2 for nullable, 4 for sorted keys.
	Flags             int
	Metadata          []byte
	Length, NullCount int
	Offset            int
	// Buffers has a nil where Arrow has a null pointer.
	Buffers    [][]byte
	Children   []Column
	Dictionary *Column
}
