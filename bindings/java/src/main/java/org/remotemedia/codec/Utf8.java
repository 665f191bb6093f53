package org.remotemedia.codec;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.remotemedia.MarshalException;

/** Text to UTF-8 and back. Half of a surrogate pair, and bytes that are no UTF-8, are errors and never replaced. */
public final class Utf8 {
    private Utf8() {}

    /** The UTF-8 of a text. @param name what errors call it */
    public static byte[] encode(String text, String name) {
        try {
            return encode(text);
        } catch (MarshalException error) {
            throw error.inside(name);
        }
    }

    static byte[] encode(String text) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (CharacterCodingException error) {
            throw new MarshalException(
                    "the text has half of a surrogate pair, which UTF-8 can't hold; send it as bytes");
        }
    }

    static String decode(byte[] bytes, int from, int count) {
        int at = from;
        int end = from + count;
        while (at < end && bytes[at] >= 0) {
            at++;
        }
        if (at == end) {
            return new String(bytes, from, count, StandardCharsets.ISO_8859_1);
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, from, count))
                    .toString();
        } catch (CharacterCodingException error) {
            throw new MarshalException("text is not UTF-8; encode text as UTF-8 and send bytes as bytes");
        }
    }
}
