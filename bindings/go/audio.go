// Audio values.

package remotemedia

import (
	"fmt"
	"runtime"
	"time"
)

// Audio is audio as planar float32 samples with full scale at ±1.0.
//
// The samples belong to the Audio: once it was made or sent, don't change them. Samples of 16 KiB and more are lent
// to the runtime without a copy.
type Audio struct {
	// Rate is the number of frames in a second.
	Rate int
	// Layout names the places of the channels, such as "mono", "stereo" or "5.1"; empty if only their number is
	// known.
	Layout string
	// PTS is the time of the first frame.
	PTS Time

	channels, frames int
	// stride is the distance in bytes from one channel's first sample to the next one's; offset that of the first
	// one.
	stride, offset int
	payload        payload
	// hasLayout distinguishes an empty layout, which other hosts may send, from none.
	hasLayout bool
}

// NewAudio makes Audio of planar samples: all frames of the first channel, then all of the second. The slice is used,
// not copied. One channel is "mono", and two are "stereo"; others have no layout until it is set. It panics if the
// samples can't be divided into channels.
func NewAudio(rate, channels int, samples []float32) *Audio {
	if channels < 1 || len(samples)%channels != 0 {
		panic(fmt.Sprintf("remotemedia.NewAudio: %d samples can't be divided into %d channels", len(samples), channels))
	}
	frames := len(samples) / channels
	return &Audio{Rate: rate, Layout: layoutOf(channels), channels: channels, frames: frames, stride: 4 * frames,
		payload: payload{data: bytesOf(samples)}}
}

// NewAudioInterleaved makes Audio of interleaved samples, which are copied. It panics like NewAudio.
func NewAudioInterleaved(rate, channels int, samples []float32) *Audio {
	planar := make([]float32, len(samples))
	audio := NewAudio(rate, channels, planar)
	for channel := range channels {
		for frame := range audio.frames {
			planar[channel*audio.frames+frame] = samples[frame*channels+channel]
		}
	}
	return audio
}

// layoutOf is the usual layout of a number of channels; empty if there is none.
func layoutOf(channels int) string {
	switch channels {
	case 1:
		return "mono"
	case 2:
		return "stereo"
	}
	return ""
}

// Channels is the number of channels.
func (a *Audio) Channels() int { return a.channels }

// Frames is the number of samples in each channel.
func (a *Audio) Frames() int { return a.frames }

// Duration is how long the audio lasts, to the nearest nanosecond.
func (a *Audio) Duration() time.Duration {
	if a.Rate == 0 {
		return 0
	}
	rate, frames := int64(a.Rate), int64(a.frames)
	return time.Duration(frames/rate*int64(time.Second) + (frames%rate*int64(time.Second)+rate/2)/rate)
}

// Channel returns the samples of a channel, in Go memory: where they lie, or a copy of what the runtime holds. View
// does without a copy.
func (a *Audio) Channel(channel int) []float32 {
	return floats(aligned(a.payload.inGo(a.plane(channel)), 4))
}

// View calls see with the samples of all channels where they lie, without a copy. They must not be used after see has
// returned: they may lie in memory of the runtime, which is freed with the Audio.
func (a *Audio) View(see func(channels [][]float32)) {
	planes := make([][]float32, a.channels)
	for channel := range planes {
		planes[channel] = floats(aligned(a.plane(channel), 4))
	}
	see(planes)
	runtime.KeepAlive(a)
}

// Interleaved returns a copy of the samples, frame after frame.
func (a *Audio) Interleaved() []float32 {
	all := make([]float32, a.channels*a.frames)
	a.View(func(channels [][]float32) {
		for channel, samples := range channels {
			for frame, sample := range samples {
				all[frame*a.channels+channel] = sample
			}
		}
	})
	return all
}

func (a *Audio) String() string {
	layout := a.Layout
	if layout == "" {
		layout = fmt.Sprintf("%d channels", a.channels)
	}
	return fmt.Sprintf("Audio(%s, %d frames, %d Hz, pts %v)", layout, a.frames, a.Rate, a.PTS)
}

func (a *Audio) plane(channel int) []byte {
	if channel < 0 || channel >= a.channels {
		panic(fmt.Sprintf("remotemedia: channel %d of audio with %d channels", channel, a.channels))
	}
	if a.frames == 0 {
		return nil
	}
	begin := a.offset + channel*a.stride
	return a.payload.data[begin : begin+4*a.frames : begin+4*a.frames]
}
