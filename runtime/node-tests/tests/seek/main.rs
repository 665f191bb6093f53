//! Parts of files by `start_s` and `duration_s`: the same samples, times and errors as those of the whole decode.

mod codecs;
mod cuts;
mod flac;
mod matroska;
mod mp4;
mod mpeg;
mod near;
mod ogg;
mod pcm;
