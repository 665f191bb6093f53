//! Transforms beside their definition.

use std::f64::consts::TAU;

use remotemedia_fourier::{Complex, Complex32, RealForward, RealInverse, Transformed};

/// Bin `bin` of a spectrum by its definition.
fn bin_of(samples: &[f64], bin: usize) -> Complex<f64> {
    let turn = |at: usize| Complex::from_polar(1.0, -TAU * (bin * at % samples.len()) as f64 / samples.len() as f64);
    samples.iter().enumerate().map(|(at, sample)| turn(at) * sample).sum()
}

#[test]
fn spectra_are_sums_and_the_way_back_gives_so_many_times_the_samples() {
    for size in [2, 30, 62, 74, 128, 400, 514] {
        let samples: Vec<f64> = (0..size).map(|at| f64::from((at * at % 17) as u32) - 8.0).collect();
        let exact: Vec<Complex<f64>> = (0..size).map(|bin| bin_of(&samples, bin)).collect();

        let mut complex: Vec<Complex<f64>> = samples.iter().map(|sample| Complex::from(*sample)).collect();
        f64::forward(size).process(&mut complex);
        assert!(complex.iter().zip(&exact).all(|(got, exact)| (got - exact).norm() < 1e-11 * size as f64));
        f64::inverse(size).process(&mut complex);
        let is_near = |(got, sample): (&Complex<f64>, &f64)| (got / size as f64 - sample).norm() < 1e-12;
        assert!(complex.iter().zip(&samples).all(is_near), "{size}");

        let mut real: Vec<f32> = samples.iter().map(|sample| *sample as f32).collect();
        let (mut spectrum, mut scratch) = (vec![Complex32::default(); size / 2 + 1], Vec::new());
        RealForward::new(size).process(&real, &mut spectrum, &mut scratch);
        assert!(spectrum.iter().zip(&exact).all(|(got, exact)| is_single(got, exact, size)), "{size}");
        assert_eq!((spectrum[0].im, spectrum[size / 2].im), (0.0, 0.0));
        RealInverse::new(size).process(&spectrum, &mut real, &mut scratch);
        let is_near = |(got, sample): (&f32, &f64)| (f64::from(*got) / size as f64 - sample).abs() < 1e-5;
        assert!(real.iter().zip(&samples).all(is_near), "{size}");
    }
}

#[test]
fn an_odd_number_of_real_samples_has_a_spectrum_too() {
    for size in [1, 3, 25, 77, 401] {
        let samples: Vec<f64> = (0..size).map(|at| f64::from((at * at % 17) as u32) - 8.0).collect();
        let real: Vec<f32> = samples.iter().map(|sample| *sample as f32).collect();
        let mut spectrum = vec![Complex32::default(); size / 2 + 1];
        RealForward::new(size).process(&real, &mut spectrum, &mut Vec::new());
        let is_near = |(bin, got): (usize, &Complex32)| is_single(got, &bin_of(&samples, bin), size);
        assert!(spectrum.iter().enumerate().all(is_near), "{size}");
    }
}

/// Whether a bin is right to what float32 can tell.
fn is_single(got: &Complex32, exact: &Complex<f64>, size: usize) -> bool {
    (Complex::new(f64::from(got.re), f64::from(got.im)) - exact).norm() < 1e-6 * size as f64
}
