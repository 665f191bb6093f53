//! The monitors: what each measures and when it alarms, on declared truth and on human speech.

mod alarms;
mod changes;
mod level;
mod speech;
