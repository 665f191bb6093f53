/**
 * Media pipelines on native threads: the Java host of the library `libremotemedia`, by the Foreign Function and
 * Memory API.
 *
 * <p>Only the package {@link org.remotemedia} is for users.
 */
module org.remotemedia {
    exports org.remotemedia;
}
