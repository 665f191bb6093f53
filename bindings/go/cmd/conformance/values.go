package main

import (
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

const period = 251

// built returns the value of a scenario, with what its objects for large values stand for.
func (p *player) built(value any) (any, error) {
	switch v := value.(type) {
	case []any:
		all := make([]any, len(v))
		for i := range v {
			var err error
			if all[i], err = p.built(v[i]); err != nil {
				return nil, err
			}
		}
		return all, nil
	case *remotemedia.Map:
		if length, has := v.Lookup("$ramp"); has {
			return ramp(int(length.(int64))), nil
		}
		if audio, has := v.Lookup("$audio"); has {
			return rampAudio(audio.(*remotemedia.Map)), nil
		}
		if name, has := v.Lookup("$lent"); has {
			memory, known := p.memory[name.(string)]
			if !known {
				return nil, fail("no memory is called %q", name)
			}
			return remotemedia.NewTensor(memory), nil
		}
		m := remotemedia.NewMap()
		for key, each := range v.All() {
			made, err := p.built(each)
			if err != nil {
				return nil, err
			}
			m.Set(key, made)
		}
		return m, nil
	}
	return value, nil
}

func ramp(length int) []byte {
	data := make([]byte, length)
	for i := range data {
		data[i] = byte(i % period)
	}
	return data
}

func rampAudio(described *remotemedia.Map) *remotemedia.Audio {
	channels, frames := int(described.Get("channels").(int64)), int(described.Get("frames").(int64))
	samples := make([]float32, channels*frames)
	for i := range samples {
		samples[i] = float32(i%period) / 256
	}
	audio := remotemedia.NewAudio(int(described.Get("rate").(int64)), channels, samples)
	audio.Layout = ""
	if pts, ok := described.Get("pts").(int64); ok {
		audio.PTS = remotemedia.At(time.Duration(pts))
	}
	return audio
}
