//! How the shared library is linked: its name for the loader, and that it is never unloaded. And how it was built, for
//! `rm_build_info`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=REMOTEMEDIA_COMMIT");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The number is the ABI's major version, the upper half of `rm_abi_version()`.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libremotemedia.so.1");
        // Threads, and objects that the host still holds, run code of this library for as long as the process lives.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    let features = env::vars().filter_map(|(name, _)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase()));
    let features: Vec<String> = features.map(|name| format!("\"{name}\"")).collect();
    println!("cargo::rustc-env=REMOTEMEDIA_FEATURES={}", features.join(","));
    for (name, source) in [("TARGET", "TARGET"), ("PROFILE", "PROFILE")] {
        println!("cargo::rustc-env=REMOTEMEDIA_{name}={}", env::var(source).unwrap_or_default());
    }
    println!("cargo::rustc-env=REMOTEMEDIA_RUSTC={}", compiler().unwrap_or_default());
}

/// The version of the compiler, such as `1.95.0`.
fn compiler() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.split_whitespace().nth(1)?.to_owned())
}
