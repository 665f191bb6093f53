//! The doc comment of a node as text, for users who don't read its source.
//!
//! [`documented!`](crate::documented) reads the comment where it is written, above the struct, so that rustdoc and the
//! users of every language have the same words.

use std::borrow::Cow;

/// A type whose doc comment is known at run time; [`documented!`](crate::documented) implements it.
pub trait Documented {
    /// The lines of the doc comment, as the compiler has them: each begins with the space after the slashes and ends
    /// with a line break. The first is a sentence of its own.
    const DOC: &'static str;
}

/// Defines a struct and implements [`Documented`](crate::node::Documented) with its doc comment.
///
/// The struct is written as it would be without the macro, and rustfmt leaves it alone. A comment whose first line is
/// not a sentence does not compile.
///
/// ```
/// use remotemedia_core::node::{Documented, documented};
///
/// documented! {
/// /// Emits what it gets.
/// ///
/// /// And nothing else.
/// #[derive(Debug)]
/// pub struct Pass;
/// }
///
/// assert_eq!(Pass::DOC, " Emits what it gets.\n\n And nothing else.\n");
/// ```
///
/// ```compile_fail
/// # use remotemedia_core::node::documented;
/// documented! {
/// pub struct Undocumented;
/// }
/// ```
#[macro_export]
macro_rules! documented {
    ($(#[$($attribute:tt)*])* $visibility:vis struct $name:ident $($rest:tt)*) => {
        $(#[$($attribute)*])*
        $visibility struct $name $($rest)*

        impl $crate::node::Documented for $name {
            const DOC: &'static str = $crate::node::checked_doc(concat!($($crate::doc_line!($($attribute)*)),*));
        }

        // A constant of a trait is looked at only where it is used.
        const _: &str = <$name as $crate::node::Documented>::DOC;
    };
}

/// A line of a doc comment; nothing for any other attribute.
#[doc(hidden)]
#[macro_export]
macro_rules! doc_line {
    (doc = $line:literal) => {
        concat!($line, "\n")
    };
    ($($other:tt)*) => {
        ""
    };
}

/// The same text, which has to begin with a sentence on a line of its own.
#[doc(hidden)]
pub const fn checked_doc(doc: &'static str) -> &'static str {
    let line = first_line(doc).as_bytes();
    assert!(!line.is_empty() && line[line.len() - 1] == b'.', "the first line of a node's docs has to be a sentence");
    doc
}

/// The first line.
pub(super) const fn first_line(doc: &'static str) -> &'static str {
    let bytes = doc.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b'\n' {
        end += 1;
    }
    doc.split_at(end).0.trim_ascii()
}

/// The doc comment as plain Markdown: without the space after the slashes, and with the names of items that
/// only rustdoc can link to as code.
pub(super) fn markdown(doc: &str) -> String {
    let lines = doc.trim_end().lines().map(|line| without_links(line.strip_prefix(' ').unwrap_or(line)));
    lines.collect::<Vec<_>>().join("\n")
}

/// ``[`Name`]`` and ``[`Name`](path::Name)`` become `` `Name` ``; links to addresses stay.
fn without_links(line: &str) -> Cow<'_, str> {
    let Some((before, rest)) = line.split_once("[`") else {
        return line.into();
    };
    let Some((name, after)) = rest.split_once("`]") else {
        return line.into();
    };
    let target = after.strip_prefix('(').and_then(|after| after.split_once(')'));
    match target {
        Some((target, _)) if target.contains("//") => format!("{before}[`{name}`]{}", without_links(after)).into(),
        Some((_, after)) => format!("{before}`{name}`{}", without_links(after)).into(),
        None => format!("{before}`{name}`{}", without_links(after)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    documented! {
    /// Does what [`Other`] and [`this`](crate::this) do.
    ///
    ///     indented, "quoted" \ and {braces}
    /// See [`the page`](https://example.org/a) for `more`.
    #[derive(Debug)]
    #[allow(dead_code, reason = "it only has to be there")]
    struct Example {
        /// A field, whose comment is not the struct's.
        field: u32,
    }
    }

    #[test]
    fn the_comment_reads_well_without_rustdoc() {
        let expected = "Does what `Other` and `this` do.\n\n    indented, \"quoted\" \\ and {braces}\n\
                        See [`the page`](https://example.org/a) for `more`.";
        assert_eq!(markdown(Example::DOC), expected);
        assert_eq!(first_line(Example::DOC), "Does what [`Other`] and [`this`](crate::this) do.");
    }
}
