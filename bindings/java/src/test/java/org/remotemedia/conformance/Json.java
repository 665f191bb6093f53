package org.remotemedia.conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.remotemedia.Value;

/** Reads the file of vectors, which lies deeper than the library reads JSON by default. Tagged objects stay maps. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static Value read(String text) {
        Json json = new Json(text);
        Value value = json.value();
        json.space();
        if (json.at != text.length()) {
            throw new IllegalArgumentException("there is more behind the value, at " + json.at);
        }
        return value;
    }

    private Value value() {
        space();
        char first = text.charAt(at);
        return switch (first) {
            case '{' -> map();
            case '[' -> list();
            case '"' -> new Value.Text(string());
            case 't' -> word("true", new Value.Bool(true));
            case 'f' -> word("false", new Value.Bool(false));
            case 'n' -> word("null", Value.NULL);
            default -> number();
        };
    }

    private Value map() {
        Map<String, Value> entries = new LinkedHashMap<>();
        at++;
        space();
        while (text.charAt(at) != '}') {
            space();
            String key = string();
            space();
            expect(':');
            entries.put(key, value());
            space();
            if (text.charAt(at) != '}') {
                expect(',');
            }
        }
        at++;
        return new Value.Map(entries);
    }

    private Value list() {
        List<Value> items = new ArrayList<>();
        at++;
        space();
        while (text.charAt(at) != ']') {
            items.add(value());
            space();
            if (text.charAt(at) != ']') {
                expect(',');
            }
        }
        at++;
        return new Value.List(items);
    }

    private String string() {
        expect('"');
        StringBuilder out = new StringBuilder();
        while (text.charAt(at) != '"') {
            char next = text.charAt(at++);
            if (next != '\\') {
                out.append(next);
                continue;
            }
            char escaped = text.charAt(at++);
            switch (escaped) {
                case 'b' -> out.append('\b');
                case 'f' -> out.append('\f');
                case 'n' -> out.append('\n');
                case 'r' -> out.append('\r');
                case 't' -> out.append('\t');
                case 'u' -> {
                    out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                }
                default -> out.append(escaped);
            }
        }
        at++;
        return out.toString();
    }

    private Value number() {
        int from = at;
        while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        String digits = text.substring(from, at);
        return digits.matches("-?\\d+")
                ? new Value.Int(Long.parseLong(digits))
                : new Value.Float(Double.parseDouble(digits));
    }

    private Value word(String word, Value value) {
        if (!text.startsWith(word, at)) {
            throw new IllegalArgumentException("no JSON at " + at);
        }
        at += word.length();
        return value;
    }

    private void space() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
    }

    private void expect(char wanted) {
        if (text.charAt(at++) != wanted) {
            throw new IllegalArgumentException("expected " + wanted + " at " + (at - 1));
        }
    }
}
