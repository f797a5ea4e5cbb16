//! Random numbers as the kernel draws them: stratification, uniformity, independence of dimensions and pixels, and what
//! it buys an integral.

use tessera_shaders::cpu_operations as generated;

fn key(pixel: u32) -> u32 {
    generated::sample_pixel_key(7, 1, pixel % 640, pixel / 640)
}

fn point(key: u32, sample: u32, dimension: u32) -> [u32; 2] {
    generated::sample_2d(key, sample, dimension).to_array()
}

fn unit(words: [u32; 2]) -> [f64; 2] {
    words.map(|word| f64::from(generated::unit_float(word)))
}

/// The top `bits` bits.
fn cell(word: u32, bits: u32) -> usize {
    (u64::from(word) >> (32 - bits)) as usize
}

/// Pearson's statistic of counts that should be equal, as standard deviations from its mean.
fn deviation(counts: &[u32], degrees: f64) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    let chi2: f64 = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
    (chi2 - degrees) / (2.0 * degrees).sqrt()
}

#[test]
fn the_second_dimension_is_sobols() {
    // Joe and Kuo's first polynomial, x + 1: each direction number is the one before, exclusive-ored with its half.
    let mut directions = [0x8000_0000u32; 32];
    for i in 1..32 {
        directions[i] = directions[i - 1] ^ (directions[i - 1] >> 1);
    }
    for index in (0..4096).chain((0..4096).map(|i| i * 1_048_583)) {
        let expected = (0..32).filter(|bit| index >> bit & 1 == 1).fold(0, |sum, bit| sum ^ directions[bit]);
        assert_eq!(generated::pascal_bits(index).reverse_bits(), expected, "index {index}");
    }
}

#[test]
fn a_scramble_is_nested_and_loses_nothing() {
    for seed in [0, 1, 0xffff, 0x1234_5678, u32::MAX] {
        for bits in [1, 4, 12] {
            let mask = (1 << bits) - 1;
            let mut seen = vec![false; 1 << bits];
            for low in 0..1u32 << bits {
                let scrambled = generated::scramble_upwards(low, seed) & mask;
                let with_high_bits = generated::scramble_upwards(low | 0xdead_f000 << bits, seed) & mask;
                assert_eq!(scrambled, with_high_bits, "higher bits change lower ones");
                assert!(!std::mem::replace(&mut seen[scrambled as usize], true), "two words become one");
            }
        }
    }
}

/// Every elementary interval of area 2^−m holds one of the points `start..start + 2^m`.
fn is_stratified(key: u32, dimension: u32, start: u32, m: u32) -> bool {
    (0..=m).all(|across| {
        let mut taken = vec![false; 1 << m];
        (start..start + (1 << m)).all(|sample| {
            let [x, y] = point(key, sample, dimension);
            let interval = cell(x, across) << (m - across) | cell(y, m - across);
            !std::mem::replace(&mut taken[interval], true)
        })
    })
}

#[test]
fn pairs_are_a_0_2_sequence() {
    for pixel in 0..40 {
        for m in 0..=10 {
            assert!(is_stratified(key(pixel), pixel % 7, 0, m), "pixel {pixel}, the first 2^{m} samples");
            // Passes of a power of two are stratified by themselves.
            assert!(
                is_stratified(key(pixel), pixel % 7, 3 << m, m),
                "pixel {pixel}, the fourth 2^{m} samples"
            );
        }
    }
}

#[test]
fn single_words_are_a_0_1_sequence() {
    for pixel in 0..40 {
        for m in 0..=12 {
            let mut taken = vec![false; 1 << m];
            for sample in 0..1 << m {
                let word = generated::sample_1d(key(pixel), sample, 5);
                assert!(!std::mem::replace(&mut taken[cell(word, m)], true), "pixel {pixel}, 2^{m} samples");
            }
        }
    }
}

#[test]
fn one_sample_is_uniform_over_pixels() {
    for (sample, dimension) in [(0, 0), (0, 1), (1, 0), (7, 3), (1000, 40)] {
        let mut counts = vec![0; 1024];
        for pixel in 0..200_000 {
            let [x, y] = point(key(pixel), sample, dimension);
            counts[cell(x, 5) << 5 | cell(y, 5)] += 1;
        }
        let z = deviation(&counts, 1023.0);
        assert!(z.abs() < 4.5, "sample {sample}, dimension {dimension}: {z}");
    }
}

/// Statistic of two words that should be independent, over 16 × 16 cells.
fn dependence(pairs: impl Iterator<Item = [u32; 2]>) -> f64 {
    let mut counts = vec![0; 256];
    for [x, y] in pairs {
        counts[cell(x, 4) << 4 | cell(y, 4)] += 1;
    }
    deviation(&counts, 255.0)
}

#[test]
fn dimensions_are_independent_over_pixels() {
    for (d, e) in [(0, 1), (1, 2), (0, 16), (5, 37), (2, 3)] {
        for sample in [0, 1, 2, 5] {
            for (i, j) in [(0, 0), (0, 1), (1, 1)] {
                let z = dependence(
                    (0..60_000)
                        .map(|pixel| [point(key(pixel), sample, d)[i], point(key(pixel), sample, e)[j]]),
                );
                assert!(z < 4.5, "dimensions {d}.{i} and {e}.{j}, sample {sample}: {z}");
            }
        }
    }
}

/// An Owen scramble as it is defined: each bit is flipped by a coin of its own for every value of the bits above.
fn ideal_scramble(word: u32, seed: u32) -> u32 {
    let coin = |bit: u32| generated::hash_decision(seed, bit, (u64::from(word) >> (bit + 1)) as u32, 0) >> 31;
    (0..32).fold(word, |out, bit| out ^ coin(bit) << bit)
}

/// Mean and greatest statistic, over 200 pixels, of the joint cells of two dimensions over 4096 samples. Both margins are
/// stratified, so only (16 − 1)² cells are free.
fn joint_cells(word: impl Fn(u32, u32, u32) -> u32) -> (f64, f64) {
    let all = (0..200).map(|pixel| {
        let (d, e) = (pixel % 9, pixel % 9 + 1 + pixel / 9 % 5);
        let mut counts = vec![0; 256];
        for sample in 0..4096 {
            counts[cell(word(pixel, sample, d), 4) << 4 | cell(word(pixel, sample, e), 4)] += 1;
        }
        deviation(&counts, 225.0)
    });
    all.fold((0.0, f64::MIN), |(mean, worst), z| (mean + z / 200.0, worst.max(z)))
}

#[test]
fn dimensions_are_as_independent_over_samples_as_shuffling_allows() {
    // An Owen shuffle of the index tosses fewer coins than a random permutation, so even the ideal one clumps a little.
    let ideal = joint_cells(|pixel, sample, dimension| {
        let seed = generated::hash_pair(key(pixel), dimension);
        let index = ideal_scramble(sample, seed);
        ideal_scramble(index.reverse_bits(), !seed)
    });
    let ours = joint_cells(|pixel, sample, dimension| point(key(pixel), sample, dimension)[0]);
    assert!(
        ours.0 < ideal.0 + 0.5 && ours.1 < ideal.1 + 4.0,
        "mean and worst {ours:?}, of ideal scrambles {ideal:?}"
    );
}

#[test]
fn neighbours_samples_frames_and_seeds_are_independent() {
    let at = |seed, frame, pixel, sample| {
        let key = generated::sample_pixel_key(seed, frame, pixel % 300, pixel / 300);
        point(key, sample, 0)[0]
    };
    let cases: [(&str, Box<dyn Fn(u32) -> [u32; 2]>); 5] = [
        ("neighbour across", Box::new(|p| [at(1, 1, p, 0), at(1, 1, p + 1, 0)])),
        ("neighbour below", Box::new(|p| [at(1, 1, p, 0), at(1, 1, p + 300, 0)])),
        ("frame", Box::new(|p| [at(1, 1, p, 0), at(1, 2, p, 0)])),
        ("seed", Box::new(|p| [at(1, 1, p, 0), at(2, 1, p, 0)])),
        // Samples 0 and 2 share no elementary interval of halves by force, unlike 0 and 1.
        ("far sample", Box::new(|p| [at(1, 1, p, 0), at(1, 1, p, 1 << 20)])),
    ];
    for (name, pair) in cases {
        let z = dependence((0..90_000).map(&*pair));
        // A sample of the same sequence is repelled a little from cells of the other: only clumping is wrong.
        assert!(z < 4.5, "{name}: {z}");
    }
}

/// Root mean square error of `integrate` over pixels, against the exact value.
fn rms(exact: f64, integrate: impl Fn(u32) -> f64) -> f64 {
    let pixels = 300;
    ((0..pixels).map(|pixel| (integrate(pixel) - exact).powi(2)).sum::<f64>() / f64::from(pixels)).sqrt()
}

#[test]
fn integrals_converge_faster_than_random() {
    let samples = 256;
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / f64::from(samples);
    let random =
        |pixel: u32, sample: u32| unit([0, 1].map(|i| generated::hash_decision(pixel, sample, i, 0)));
    let smooth = |[x, y]: [f64; 2]| (3.0 * x).sin() * (y * y + 0.2);
    let exact = (1.0 - 3f64.cos()) / 3.0 * (1.0 / 3.0 + 0.2);
    let sobol = rms(exact, |p| mean(&mut (0..samples).map(|s| smooth(unit(point(key(p), s, 3))))));
    let plain = rms(exact, |p| mean(&mut (0..samples).map(|s| smooth(random(p, s)))));
    assert!(sobol < plain / 20.0, "smooth: {sobol:e}, random {plain:e}");
    // A quarter disc: an edge, as visibility has.
    let disc = |[x, y]: [f64; 2]| if x * x + y * y < 1.0 { 1.0 } else { 0.0 };
    let exact = std::f64::consts::FRAC_PI_4;
    let sobol = rms(exact, |p| mean(&mut (0..samples).map(|s| disc(unit(point(key(p), s, 3))))));
    let plain = rms(exact, |p| mean(&mut (0..samples).map(|s| disc(random(p, s)))));
    assert!(sobol < plain / 3.0, "edge: {sobol:e}, random {plain:e}");
    // Four dimensions made of two pairs: additive parts gain, and nothing is worse than random.
    let four = |[x, y]: [f64; 2], [u, v]: [f64; 2]| x * u + y * v;
    let sobol = rms(0.5, |p| {
        mean(&mut (0..samples).map(|s| four(unit(point(key(p), s, 0)), unit(point(key(p), s, 1)))))
    });
    let plain = rms(0.5, |p| mean(&mut (0..samples).map(|s| four(random(p, s), random(p, s + 1000)))));
    assert!(sobol < plain / 2.0, "two pairs: {sobol:e}, random {plain:e}");
}

#[test]
fn decisions_change_with_every_bit_of_their_key() {
    let words = [0x1234_5678, 3, 17, 90_001];
    let decide = |w: [u32; 4]| generated::hash_decision(w[0], w[1], w[2], w[3]);
    for word in 0..4 {
        for bit in 0..32 {
            let mut flips = [0u32; 32];
            for i in 0..4000u32 {
                let base = words.map(|w| w + i);
                let mut other = base;
                other[word] ^= 1 << bit;
                let changed = decide(base) ^ decide(other);
                flips.iter_mut().enumerate().for_each(|(j, count)| *count += changed >> j & 1);
            }
            // Half of 4000, six standard deviations either way.
            assert!(
                flips.iter().all(|count| (1810..2190).contains(count)),
                "word {word} bit {bit}: {flips:?}"
            );
        }
    }
}

#[test]
fn path_keys_and_pixel_keys_do_not_collide_more_than_chance() {
    let mut keys: Vec<u32> = (0..65_536).map(key).collect();
    keys.extend((0..65_536).map(|sample| generated::sample_path_key(key(0), sample)));
    keys.sort_unstable();
    let collisions = keys.windows(2).filter(|pair| pair[0] == pair[1]).count();
    // 2^34 / 2^33 = 2 expected of 2^17 random words.
    assert!(collisions <= 10, "{collisions}");
}
