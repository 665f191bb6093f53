// Audio from PCM and to PCM, by the library.

package remotemedia

import (
	"unsafe"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// NewAudioPCM makes Audio of interleaved little-endian PCM, which is copied. The format is "u8", "s16", "s24", "s32",
// "f32", "mulaw" or "alaw".
func NewAudioPCM(format string, rate, channels int, data []byte) (*Audio, error) {
	if err := abi.Load(); err != nil {
		return nil, err
	}
	x := newExchange()
	defer x.close()
	if len(data) > 0 {
		x.pinner.Pin(unsafe.SliceData(data))
	}
	x.text([]byte(format))
	name, length, _, _ := x.input()
	status := abi.Call(abi.AudioFromPCM, abi.Address(data), uintptr(len(data)), name, length, uintptr(uint32(rate)),
		uintptr(uint32(channels)), x.OutAddress, x.ErrAddress)
	if err := x.settle(status); err != nil {
		return nil, err
	}
	var audio *Audio
	err := x.read(func(d *decoder) { audio, _ = d.value().(*Audio) })
	return audio, err
}

// PCM returns the samples as interleaved little-endian PCM of a format as NewAudioPCM takes it, rounded and
// saturated. NaN and infinity are refused, but for f32.
func (a *Audio) PCM(format string) ([]byte, error) {
	if err := abi.Load(); err != nil {
		return nil, err
	}
	name := newExchange()
	defer name.close()
	name.text([]byte(format))
	formatData, formatLength, _, _ := name.input()
	x := newExchange()
	defer x.close()
	defer x.abort()
	if err := x.encoder.document(a, "the audio"); err != nil {
		return nil, err
	}
	data, length, table, count := x.input()
	status := abi.Call(abi.AudioToPCM, data, length, table, count, formatData, formatLength, x.OutAddress, x.ErrAddress)
	if err := x.settle(status); err != nil {
		return nil, err
	}
	var pcm []byte
	err := x.read(func(d *decoder) { pcm, _ = d.value().([]byte) })
	return pcm, err
}
