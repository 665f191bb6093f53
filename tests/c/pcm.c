/* PCM to an audio document and back. */

#include "check.h"

#define FORMAT(name) (const uint8_t *)(name), sizeof(name) - 1

static rm_document *from_pcm(const void *data, size_t len, const char *format, uint32_t rate, uint32_t channels) {
    rm_output out = {0};
    CHECK_STATUS(RM_OK,
                 rm_audio_from_pcm(data, len, (const uint8_t *)format, strlen(format), rate, channels, &out, &error));
    return out.document;
}

/* Interleaved samples become planar float32 and come back as the same bytes. */
static void check_round_trip(const uint8_t *data, size_t len, const char *format, uint32_t channels) {
    rm_document *audio = from_pcm(data, len, format, 8000, channels);
    view seen = look(audio);
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_audio_to_pcm(seen.data, seen.len, seen.buffers, seen.count, (const uint8_t *)format,
                                        strlen(format), &out, &error));
    /* The value is msgpack bytes: bin 8, the length, the bytes. */
    seen = look(out.document);
    CHECK(seen.len == len + 2 && seen.data[0] == 0xc4 && seen.data[1] == len);
    CHECK(memcmp(seen.data + 2, data, len) == 0);
    rm_document_free(out.document);
    rm_document_free(audio);
}

static void samples_come_back_as_they_were(void) {
    static const uint8_t bytes[] = {0x00, 0x80, 0xff, 0x7f, 0x01, 0x00, 0xff, 0xff, 0x34, 0x12, 0x00, 0x00};
    check_round_trip(bytes, sizeof bytes, "u8", 1);
    check_round_trip(bytes, sizeof bytes, "s16", 2);
    check_round_trip(bytes, sizeof bytes, "s24", 2);
}

static void channels_are_planar_and_full_scale_is_one(void) {
    /* Two frames of two channels: left is -1 and 0, right is 0.5 and 0.25. */
    static const uint8_t bytes[] = {0x00, 0x80, 0x00, 0x40, 0x00, 0x00, 0x00, 0x20};
    char *json = to_json(from_pcm(bytes, sizeof bytes, "s16", 48000, 2));
    CHECK_TEXT(
        "{\"$rm\":\"audio\",\"rate\":48000,\"layout\":\"stereo\",\"pts\":null,\"channels\":2,\"frames\":2,\"base64\":\"AACAvwAAAAAAAAA/AACAPg==\"}",
        json);
    free(json);
    json = to_json(from_pcm(NULL, 0, "s16", 48000, 2));
    CHECK_TEXT(
        "{\"$rm\":\"audio\",\"rate\":48000,\"layout\":\"stereo\",\"pts\":null,\"channels\":2,\"frames\":0,\"base64\":\"\"}",
        json);
    free(json);
}

static void mistakes_are_named(void) {
    static const uint8_t bytes[] = {0, 0, 0, 0, 0};
    const rm_status bad = RM_INVALID_ARGUMENT;
    rm_output out = {0};
    CHECK_ERROR(bad, "`format` is NULL but its length is 3",
                rm_audio_from_pcm(bytes, 4, NULL, 3, 8000, 1, &out, &error));
    CHECK_ERROR(bad, "`format` is NULL but its length is 3", rm_audio_to_pcm(bytes, 1, NULL, 0, NULL, 3, &out, &error));
    CHECK_ERROR(bad, "no sample format ''; there are u8, s16, s24, s32, f32, mulaw and alaw",
                rm_audio_from_pcm(bytes, 4, NULL, 0, 8000, 1, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_audio_from_pcm(bytes, 4, FORMAT("s16"), 8000, 1, NULL, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_audio_to_pcm(bytes, 1, NULL, 0, FORMAT("s16"), NULL, &error));
    CHECK_ERROR(bad, "`data` is NULL but its length is 4",
                rm_audio_from_pcm(NULL, 4, FORMAT("s16"), 8000, 1, &out, &error));
    CHECK_ERROR(bad, "no sample format 's17'; there are u8, s16, s24, s32, f32, mulaw and alaw",
                rm_audio_from_pcm(bytes, 4, FORMAT("s17"), 8000, 1, &out, &error));
    CHECK_ERROR(bad, "5 bytes are no whole number of s16 frames of 1 channels, which take 2 bytes each",
                rm_audio_from_pcm(bytes, 5, FORMAT("s16"), 8000, 1, &out, &error));
    CHECK_ERROR(bad, "0 channels hold no sound", rm_audio_from_pcm(bytes, 4, FORMAT("s16"), 8000, 0, &out, &error));
    CHECK_ERROR(bad, "a rate of 0 Hz is not between 1 and 4294967295",
                rm_audio_from_pcm(bytes, 4, FORMAT("s16"), 0, 1, &out, &error));
    CHECK_ERROR(RM_INVALID_DOCUMENT, "expected an audio value, got int",
                rm_audio_to_pcm(bytes, 1, NULL, 0, FORMAT("s16"), &out, &error));
    CHECK(out.document == NULL);
    /* 0 and NaN: floats come back as they are, no integer stands for NaN. */
    static const uint8_t spoiled[] = {0, 0, 0, 0, 0, 0, 0xc0, 0x7f};
    check_round_trip(spoiled, sizeof spoiled, "f32", 1);
    rm_document *audio = from_pcm(spoiled, sizeof spoiled, "f32", 8000, 1);
    view seen = look(audio);
    CHECK_ERROR(bad, "the sound has samples that are NaN or infinite, the first in frame 1; replace them",
                rm_audio_to_pcm(seen.data, seen.len, seen.buffers, seen.count, FORMAT("s16"), &out, &error));
    rm_document_free(audio);
}

int main(void) {
    alarm(TEST_SECONDS);
    samples_come_back_as_they_were();
    channels_are_planar_and_full_scale_is_one();
    mistakes_are_named();
    check_nothing_left();
    return 0;
}
