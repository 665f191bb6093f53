//! What Symphonia's demuxer of MP4 and QuickTime leaves out: jumps, edit lists, tags, PCM, and files that it would refuse.

pub(super) mod gapless;
pub(super) mod jump;
pub(super) mod patches;
pub(super) mod pcm;
pub(super) mod tags;
