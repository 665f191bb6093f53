//! How the shared library is linked: its name for the loader, and that it is never unloaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The number is the ABI's major version, the upper half of `rm_abi_version()`.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libremotemedia.so.0");
        // Threads, and objects that the host still holds, run code of this library for as long as the process lives.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
