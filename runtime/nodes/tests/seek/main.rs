//! Parts of files by `start_s` and `duration_s`: the same samples, times and errors as those of the whole decode.

mod codecs;
mod cuts;
#[path = "../drive/mod.rs"]
mod drive;
mod flac;
#[allow(dead_code, reason = "what these tests need of it")]
#[path = "../audio_coding/items.rs"]
mod items;
mod matroska;
#[allow(dead_code, reason = "as `items`")]
#[path = "../audio_coding/media.rs"]
mod media;
mod mp4;
mod mpeg;
mod near;
mod ogg;
mod pcm;
#[allow(dead_code, reason = "as `items`")]
#[path = "../audio_coding/pcm_files.rs"]
mod pcm_files;
mod remux;
