/* The cases `digest`: SHA-256 (FIPS 180-4) of the JSON twin of the values of an output. */

#include "suite.h"

typedef struct sha256 {
    uint32_t state[8];
    uint8_t block[64];
    uint64_t len;
} sha256;

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t ROUNDS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turned(uint32_t value, int by) {
    return value >> by | value << (32 - by);
}

static void mix(sha256 *sum) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)sum->block[4 * i] << 24 | (uint32_t)sum->block[4 * i + 1] << 16 |
               (uint32_t)sum->block[4 * i + 2] << 8 | sum->block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t low = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t high = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    memcpy(s, sum->state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t one = s[7] + (turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25)) +
                       ((s[4] & s[5]) ^ (~s[4] & s[6])) + ROUNDS[i] + w[i];
        uint32_t two =
            (turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++) sum->state[i] += s[i];
}

static void put(sha256 *sum, const uint8_t *data, size_t len) {
    for (size_t index = 0; index < len; index++) {
        sum->block[sum->len++ % 64] = data[index];
        if (sum->len % 64 == 0) mix(sum);
    }
}

static void print_digest(const char *name, const uint8_t *data, size_t len) {
    /* The same of the square roots of the first 8 primes. */
    sha256 sum = {
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
    put(&sum, data, len);
    uint64_t bits = sum.len * 8;
    const uint8_t one = 0x80, zero = 0;
    put(&sum, &one, 1);
    while (sum.len % 64 != 56) put(&sum, &zero, 1);
    for (int shift = 56; shift >= 0; shift -= 8) put(&sum, &(uint8_t){(uint8_t)(bits >> shift)}, 1);
    printf("digest %s ", name);
    for (int i = 0; i < 8; i++) printf("%08" PRIx32, sum.state[i]);
    printf("\n");
}

void run_digest(const char *name, const char *path, const char *root) {
    const json *file = json_file(path);
    if (json_int(file, "version", 0) != 1) fail("an unknown version");
    text place = {0}, manifest = {0}, inputs = {0}, content = {0};
    add_format(&place, "%s/%s", root, json_need(file, "input")->data);
    FILE *opened = fopen(place.data, "rb");
    if (opened == NULL) fail("%s can't be read", place.data);
    char part[65536];
    for (size_t len; (len = fread(part, 1, sizeof part, opened)) > 0;) add(&content, part, len);
    fclose(opened);
    add_text(&inputs, "[{\"$rm\":\"file\",\"base64\":\"");
    add_base64(&inputs, (uint8_t *)content.data, content.len);
    add_text(&inputs, "\"}]");
    json_write(&manifest, json_need(file, "manifest"));
    document given = document_of(inputs.data, inputs.len, NULL, 0);
    document packed = document_of(manifest.data, manifest.len, NULL, 0);
    rm_runtime *runtime = NULL;
    rm_pipeline *pipeline = NULL;
    rm_output out = {0};
    rm_error *error = NULL;
    require(rm_runtime_new(NULL, 0, &runtime, &error), &error, "runtime");
    require(rm_pipeline_new(runtime, packed.bytes.data, packed.bytes.len, NULL, 0, &pipeline, &error), &error,
            "pipeline");
    require(
        rm_pipeline_execute(pipeline, given.bytes.data, given.bytes.len, given.buffers, given.count, -1, &out, &error),
        &error, "execute");
    json *completion = taken(&out);
    const json *values =
        json_need(json_need(json_need(completion, "outputs"), json_need(file, "output")->data), "values");
    /* Written again, as every host does. */
    text twin = {0};
    json_write(&twin, values);
    document again = document_of(twin.data, twin.len, NULL, 0);
    rm_output written = {0};
    require(rm_document_to_json(again.bytes.data, again.bytes.len, again.buffers, again.count, 0, &written, &error),
            &error, "to_json");
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    require(rm_document_view(written.document, &data, &len, &buffers, &count, &error), &error, "view");
    print_digest(name, data, len);
    rm_document_free(written.document);
    /* The next case counts what is alive. */
    require(rm_runtime_shutdown(runtime, -1, &error), &error, "shutdown");
    rm_pipeline_free(pipeline);
    rm_runtime_free(runtime);
}
