#import math
// Random numbers from integers alone, keyed by (seed, frame, pixel, sample, dimension): Owen-scrambled Sobol pairs with a
// shuffled index for each pair (Burley, "Practical Hash-based Owen Scrambling", JCGT 9(4), 2020). Needs no table: the
// second dimension's matrix is Pascal's triangle mod 2, a Kronecker power of [1 1; 0 1], so five shifts apply it.

// A bijective mix of 32 bits (constants: Wellons, hash prospector, bias 0.107).
fn mix_bits(word: u32) -> u32 {
    var h = word;
    h = (h ^ (h >> 16u)) * 0x21f0aaadu;
    h = (h ^ (h >> 15u)) * 0x735a2d97u;
    return h ^ (h >> 15u);
}

// A hash of a hash and one more word.
fn hash_pair(hash: u32, word: u32) -> u32 {
    return mix_bits(hash + 0x9e3779b9u + mix_bits(word + 0x7f4a7c15u));
}

// A bijection in which a bit depends only on lower ones (Laine and Karras 2011 as improved by Vegdahl 2021): an Owen
// scramble of reversed bits.
fn scramble_upwards(word: u32, seed: u32) -> u32 {
    var x = word;
    x = x ^ (x * 0x3d20adeau);
    x = x + seed;
    x = x * ((seed >> 16u) | 1u);
    x = x ^ (x * 0x05526c56u);
    return x ^ (x * 0x53a22864u);
}

// Pascal's triangle mod 2 times the bits of an index: the second Sobol dimension with its bits reversed.
fn pascal_bits(index: u32) -> u32 {
    var x = index;
    x = x ^ ((x >> 1u) & 0x55555555u);
    x = x ^ ((x >> 2u) & 0x33333333u);
    x = x ^ ((x >> 4u) & 0x0f0f0f0fu);
    x = x ^ ((x >> 8u) & 0x00ff00ffu);
    return x ^ (x >> 16u);
}

// Both words with their bits reversed.
fn reverse_pair(words: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(reverseBits(words.x), reverseBits(words.y));
}

// The key of a pixel in one frame; x and y below 65536.
fn sample_pixel_key(seed: u32, frame: u32, x: u32, y: u32) -> u32 {
    return hash_pair(hash_pair(mix_bits(seed), frame), x | (y << 16u));
}

// The seed of one dimension's index shuffle; the pixel's key is mixed already.
fn dimension_seed(key: u32, dimension: u32) -> u32 {
    return mix_bits(key + dimension * 0x9e3779b9u);
}

// The seed of the first component's scramble: half of a mix is enough for words that are mixed.
fn first_seed(seed: u32) -> u32 {
    let h = (seed ^ (seed >> 16u)) * 0x85ebca6bu;
    return h ^ (h >> 15u);
}

// The seed of the second component's scramble.
fn second_seed(seed: u32) -> u32 {
    let h = (seed ^ (seed >> 13u)) * 0xc2b2ae35u;
    return h ^ (h >> 16u);
}

// A pair of random words, each uniform over u32, for one sample and one dimension of the pixel. Over the samples
// 0..2^m of one key and dimension the pairs are a (0, 2)-sequence. Convert with unit_float or compare as integers.
fn sample_2d(key: u32, sample_index: u32, dimension: u32) -> vec2<u32> {
    let seed = dimension_seed(key, dimension);
    let index = reverseBits(scramble_upwards(reverseBits(sample_index), seed));
    let x = scramble_upwards(index, first_seed(seed));
    let y = scramble_upwards(pascal_bits(index), second_seed(seed));
    return reverse_pair(vec2<u32>(x, y));
}

// One random word; a (0, 1)-sequence over the samples. A dimension is used either by sample_1d or by sample_2d.
fn sample_1d(key: u32, sample_index: u32, dimension: u32) -> u32 {
    let seed = dimension_seed(key, dimension);
    let index = reverseBits(scramble_upwards(reverseBits(sample_index), seed));
    return reverseBits(scramble_upwards(index, first_seed(seed)));
}

// The key of one path: what decisions that are keyed by no dimension start from.
fn sample_path_key(key: u32, sample_index: u32) -> u32 {
    return hash_pair(key ^ 0x5bd1e995u, sample_index);
}

// A random word for a decision about one primitive met by one ray of a path (stochastic alpha): the same whatever order
// hits are visited in.
fn hash_decision(path_key: u32, ray: u32, instance: u32, primitive: u32) -> u32 {
    return hash_pair(hash_pair(hash_pair(path_key, ray), instance), primitive);
}
