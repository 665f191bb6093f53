package org.remotemedia;

import java.util.List;

/** A manifest is not valid. Nothing has run. */
public final class ManifestException extends RemoteMediaException {
    ManifestException(ErrorDetail detail) {
        super(detail);
    }

    /** Everything that is wrong with it, each with its place. */
    public List<ErrorDetail.Problem> problems() {
        return detail().problems();
    }
}
