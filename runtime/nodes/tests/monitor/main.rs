//! The monitors: what each measures and when it alarms, on declared truth and on human speech.

mod alarms;
mod changes;
#[path = "../drive/mod.rs"]
mod drive;
mod level;
mod speech;
