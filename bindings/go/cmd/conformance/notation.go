package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

// The neutral notation of vectors.json. What is malformed there panics: it is a mistake of the suite.

func parse[T any](text json.RawMessage) T {
	var found T
	if err := json.Unmarshal(text, &found); err != nil {
		panic(fmt.Sprintf("%v in %.100s", err, text))
	}
	return found
}

// keysOf reads {"keys": n}.
func keysOf(part json.RawMessage) int {
	return parse[struct {
		Keys int `json:"keys"`
	}](part).Keys
}

// repeated reads [text, n].
func repeated(part json.RawMessage) (string, int) {
	pair := parse[[2]json.RawMessage](part)
	return parse[string](pair[0]), parse[int](pair[1])
}

// dataOf reads bytes: parts of hexadecimal text.
func dataOf(parts []json.RawMessage) []byte {
	data := []byte{}
	for _, part := range parts {
		switch part[0] {
		case '"':
			data = append(data, unhex(parse[string](part))...)
		case '[':
			text, times := repeated(part)
			data = append(data, strings.Repeat(string(unhex(text)), times)...)
		default:
			for key := range keysOf(part) {
				data = append(data, 0xa5)
				data = append(data, fmt.Sprintf("%05d", key)...)
				data = append(data, 0xc0)
			}
		}
	}
	return data
}

func unhex(text string) []byte {
	data, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

// textOf reads text parts.
func textOf(parts []json.RawMessage) string {
	var text strings.Builder
	for _, part := range parts {
		switch part[0] {
		case '"':
			text.WriteString(parse[string](part))
		case '[':
			unit, times := repeated(part)
			text.WriteString(strings.Repeat(unit, times))
		default:
			for key := range keysOf(part) {
				if key > 0 {
					text.WriteByte(',')
				}
				fmt.Fprintf(&text, `"%05d":null`, key)
			}
		}
	}
	return text.String()
}

func number(text json.RawMessage) int64 {
	found, err := strconv.ParseInt(parse[string](text), 10, 64)
	if err != nil {
		panic(err)
	}
	return found
}

func size(text json.RawMessage) int { return int(number(text)) }

func optionalTime(text json.RawMessage) remotemedia.Time {
	if string(text) == "null" {
		return remotemedia.Time{}
	}
	return remotemedia.At(time.Duration(number(text)))
}

func optionalText(text json.RawMessage) string {
	if string(text) == "null" {
		return ""
	}
	return parse[string](text)
}

func data(text json.RawMessage) []byte { return dataOf(parse[[]json.RawMessage](text)) }

// valueOf builds the value that a vector describes.
func valueOf(text json.RawMessage) any {
	part := parse[[]json.RawMessage](text)
	switch kind := parse[string](part[0]); kind {
	case "null":
		return nil
	case "bool":
		return parse[bool](part[1])
	case "int":
		digits := parse[string](part[1])
		if signed, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return signed
		}
		if unsigned, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return unsigned
		}
		// Wider than any int that Go encodes.
		wide, _ := new(big.Int).SetString(digits, 10)
		return wide
	case "float":
		return math.Float64frombits(binary.BigEndian.Uint64(unhex(parse[string](part[1]))))
	case "text":
		return textOf(parse[[]json.RawMessage](part[1]))
	case "utf16":
		return fromUTF16(parse[string](part[1]))
	case "bytes":
		return data(part[1])
	case "list":
		list := []any{}
		for _, each := range parse[[]json.RawMessage](part[1]) {
			list = append(list, valueOf(each))
		}
		return list
	case "repeat":
		list := make([]any, parse[int](part[2]))
		for i := range list {
			list[i] = valueOf(part[1])
		}
		return list
	case "map":
		m := remotemedia.NewMap()
		for _, each := range parse[[][2]json.RawMessage](part[1]) {
			m.Set(textOf(parse[[]json.RawMessage](each[0])), valueOf(each[1]))
		}
		return m
	case "keys":
		m := remotemedia.NewMap()
		for key := range parse[int](part[1]) {
			m.Set(fmt.Sprintf("%05d", key), nil)
		}
		return m
	case "nest":
		return nest(parse[string](part[1]) == "map", parse[int](part[2]))
	case "timestamp":
		return remotemedia.Timestamp{Seconds: number(part[1]), Nanoseconds: uint32(number(part[2]))}
	default:
		return mediaOf(kind, part)
	}
}

func nest(maps bool, depth int) any {
	var value any = []any{}
	if maps {
		value = remotemedia.NewMap()
	}
	for range depth - 1 {
		if maps {
			value = remotemedia.NewMap("k", value)
		} else {
			value = []any{value}
		}
	}
	return value
}

// fromUTF16 writes half pairs as the three bytes that they would have.
func fromUTF16(units string) string {
	text := []byte{}
	for raw := unhex(units); len(raw) >= 2; raw = raw[2:] {
		unit := binary.BigEndian.Uint16(raw)
		if unit < 0x80 {
			text = append(text, byte(unit))
		} else {
			text = append(text, 0xe0|byte(unit>>12), 0x80|byte(unit>>6)&0x3f, 0x80|byte(unit)&0x3f)
		}
	}
	return string(text)
}

func mediaOf(kind string, part []json.RawMessage) any {
	switch kind {
	case "tensor":
		shape := []int{}
		for _, each := range parse[[]json.RawMessage](part[2]) {
			shape = append(shape, size(each))
		}
		return remotemedia.NewTensorOf(parse[string](part[1]), data(part[3]), shape...)
	case "audio":
		samples := data(part[6])
		planar := make([]float32, len(samples)/4)
		for i := range planar {
			planar[i] = math.Float32frombits(binary.LittleEndian.Uint32(samples[4*i:]))
		}
		audio := remotemedia.NewAudio(size(part[1]), size(part[4]), planar)
		audio.Layout, audio.PTS = optionalText(part[2]), optionalTime(part[3])
		return audio
	case "video":
		var planes []remotemedia.Plane
		for _, each := range parse[[][2]json.RawMessage](part[5]) {
			planes = append(planes, remotemedia.Plane{Stride: size(each[0]), Data: data(each[1])})
		}
		video := remotemedia.NewVideoStrided(parse[string](part[1]), size(part[2]), size(part[3]), planes...)
		video.PTS = optionalTime(part[4])
		return video
	case "table":
		table := &remotemedia.Table{Rows: size(part[1]), Metadata: data(part[2])}
		for _, each := range parse[[]json.RawMessage](part[3]) {
			table.Columns = append(table.Columns, columnOf(each))
		}
		return table
	case "file":
		if parse[string](part[1]) == "path" {
			return &remotemedia.File{Path: parse[string](part[2]), MIME: optionalText(part[3])}
		}
		return &remotemedia.File{Content: data(part[2]), MIME: optionalText(part[3])}
	}
	panic("unknown kind " + kind)
}

func columnOf(text json.RawMessage) remotemedia.Column {
	part := parse[[]json.RawMessage](text)
	column := remotemedia.Column{
		Name: parse[string](part[0]), Format: parse[string](part[1]), Flags: size(part[2]), Metadata: data(part[3]),
		Length: size(part[4]), NullCount: size(part[5]), Offset: size(part[6]),
	}
	for _, each := range parse[[]json.RawMessage](part[7]) {
		if string(each) == "null" {
			column.Buffers = append(column.Buffers, nil)
		} else {
			column.Buffers = append(column.Buffers, data(each))
		}
	}
	for _, each := range parse[[]json.RawMessage](part[8]) {
		column.Children = append(column.Children, columnOf(each))
	}
	if string(part[9]) != "null" {
		dictionary := columnOf(part[9])
		column.Dictionary = &dictionary
	}
	return column
}
