//! The mel filters of a node, for the rate of the sound that comes.

use std::sync::Arc;

use remotemedia_core::node::{NodeError, ParamError};

use crate::dsp::mel::{MelDesign, MelFilter};
use crate::dsp::recent::Recent;

/// Refuses params whose filters would end before they begin; `rate` is that of the sound, where params name it.
pub(super) fn check_range(fmin_hz: f64, fmax_hz: Option<f64>, rate: Option<u32>) -> Result<(), ParamError> {
    match fmax_hz.or(rate.map(|rate| f64::from(rate) / 2.0)) {
        Some(highest) if highest <= fmin_hz => Err(ParamError {
            param: "fmin_hz".to_owned(),
            expected: format!("less than {highest}, where the filters end"),
            got: fmin_hz.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The filters for sound of this rate; a design without a finite end ends at half of it.
pub(super) fn filters(design: MelDesign, rate: u32, n_fft: usize) -> Result<Arc<[MelFilter]>, NodeError> {
    static LATELY: Recent<(MelDesign, u32, usize), [MelFilter]> = Recent::new();
    let half = f64::from(rate) / 2.0;
    if design.low_hz >= half {
        let cause = format!("'fmin_hz' is {}, but sound of {rate} Hz ends at {half} Hz", design.low_hz);
        return Err(NodeError::new(cause).cure("Lower 'fmin_hz', or set 'rate'."));
    }
    let high_hz = if design.high_hz.is_finite() { design.high_hz } else { half };
    let design = MelDesign { high_hz, ..design };
    Ok(LATELY.get((design, rate, n_fft), || design.filters(rate, n_fft).into()))
}
