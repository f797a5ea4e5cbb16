//! Streams of the reference encoder (npm `meshoptimizer` 1.3.0, over data of our own) and streams made by hand, whole, cut
//! and bent. `tests/fixtures/meshopt_streams.json` holds the former with what the reference decoder makes of them.

use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

struct Case {
    name: String,
    layout: Layout,
    stream: Vec<u8>,
    decoded: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../tests/fixtures/meshopt_streams.json");
    let read = |case: &Value| {
        let text = |key: &str| case[key].as_str().unwrap().to_owned();
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let filter = match case["filter"].as_str().unwrap() {
            "NONE" => Filter::None,
            "OCTAHEDRAL" => Filter::Octahedral,
            "QUATERNION" => Filter::Quaternion,
            "EXPONENTIAL" => Filter::Exponential,
            "COLOR" => Filter::Color,
            other => panic!("{other}"),
        };
        let mode = match case["mode"].as_str().unwrap() {
            "ATTRIBUTES" => Mode::Attributes(filter),
            "TRIANGLES" => Mode::Triangles,
            "INDICES" => Mode::Indices,
            other => panic!("{other}"),
        };
        Case {
            name: text("name"),
            layout: Layout { mode, count: number("count"), stride: number("stride") },
            stream: BASE64.decode(text("stream").as_bytes()).unwrap(),
            decoded: BASE64.decode(text("decoded").as_bytes()).unwrap(),
        }
    };
    serde_json::from_str::<Vec<Value>>(text).unwrap().iter().map(read).collect()
}

/// Whether two filtered buffers differ by at most one unit in the last place of their integers.
fn near(filter: Filter, stride: usize, a: &[u8], b: &[u8]) -> bool {
    let close = |a: i32, b: i32| (a - b).abs() <= 1;
    match (filter, stride) {
        (Filter::None | Filter::Exponential, _) => a == b,
        (Filter::Octahedral, 4) => a.iter().zip(b).all(|(a, b)| close((*a as i8).into(), (*b as i8).into())),
        (_, 4) => a.iter().zip(b).all(|(a, b)| close((*a).into(), (*b).into())),
        (Filter::Color, _) => a.chunks(2).zip(b.chunks(2)).all(|(a, b)| {
            close(u16::from_le_bytes([a[0], a[1]]).into(), u16::from_le_bytes([b[0], b[1]]).into())
        }),
        _ => a.chunks(2).zip(b.chunks(2)).all(|(a, b)| {
            close(i16::from_le_bytes([a[0], a[1]]).into(), i16::from_le_bytes([b[0], b[1]]).into())
        }),
    }
}

#[test]
fn streams_of_the_reference_encoder_decode_as_its_decoder_does() {
    let cases = cases();
    assert_eq!(cases.len(), 26);
    for case in cases {
        let decoded = decode(&case.stream, case.layout);
        let decoded = decoded.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let Layout { mode, stride, .. } = case.layout;
        let filter = if let Mode::Attributes(filter) = mode { filter } else { Filter::None };
        assert_eq!(decoded.len(), case.decoded.len(), "{}", case.name);
        assert!(near(filter, stride, &decoded, &case.decoded), "{}", case.name);
    }
}

#[test]
fn a_stream_cut_or_lengthened_anywhere_is_refused() {
    for case in cases() {
        for length in 0..case.stream.len() {
            assert!(decode(&case.stream[..length], case.layout).is_err(), "{}: {length} bytes", case.name);
        }
        let mut longer = case.stream.clone();
        longer.insert(longer.len() - 1, 0);
        assert!(decode(&longer, case.layout).is_err(), "{}: one byte more", case.name);
    }
}

#[test]
fn counts_that_the_stream_does_not_hold_are_refused_before_memory_is_taken() {
    for case in cases() {
        for count in [usize::MAX - 2, 1 << 40, case.layout.count + 3 * 256] {
            let count = count / 3 * 3;
            let error = decode(&case.stream, Layout { count, ..case.layout }).unwrap_err();
            assert!(
                matches!(error, StreamError::Truncated | StreamError::Broken(_)),
                "{}: {error}",
                case.name
            );
        }
    }
}

fn refused(stream: &[u8], mode: Mode, count: usize, stride: usize) -> String {
    decode(stream, Layout { mode, count, stride }).unwrap_err().to_string()
}

#[test]
fn mistakes_are_named() {
    let plain = Mode::Attributes(Filter::None);
    assert_eq!(refused(&[], plain, 1, 6), "a stride of 6 bytes, which its mode or filter does not have");
    assert!(refused(&[], plain, 1, 260).starts_with("a stride of 260"));
    assert!(refused(&[], Mode::Attributes(Filter::Quaternion), 1, 4).starts_with("a stride of 4"));
    assert!(refused(&[], Mode::Triangles, 3, 1).starts_with("a stride of 1"));
    assert_eq!(refused(&[0xe1], Mode::Triangles, 4, 4), "4 indices, which is no number of triangles");
    assert_eq!(refused(&[0xa2], plain, 1, 4), "the first byte 0xa2 where 0xa0 or 0xa1 is expected");
    assert_eq!(refused(&[0xe0], Mode::Triangles, 3, 4), "the first byte 0xe0 where 0xe1 is expected");
    assert_eq!(refused(&[0xd0], Mode::Indices, 3, 4), "the first byte 0xd0 where 0xd1 is expected");
    let surplus = [0xd1, 2, 2, 0, 0, 0, 0];
    assert_eq!(refused(&surplus, Mode::Indices, 1, 4), "1 bytes of its stream are left over");
    let long = [0xd1, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0, 0];
    assert_eq!(refused(&long, Mode::Indices, 1, 4), "its stream is broken: a number of more than five bytes");
    let mut unwritten = vec![0xe1, 0x00];
    unwritten.extend([0; 16]);
    let error = "its stream is broken: it refers to an entry that was never written";
    assert_eq!(refused(&unwritten, Mode::Triangles, 3, 4), error);
    let mut table = vec![0xe1, 0xf0];
    table.extend([0x0f; 16]);
    let error = "its stream is broken: its table of vertex codes is not one";
    assert_eq!(refused(&table, Mode::Triangles, 3, 4), error);
    let mut mode = vec![0xa1, 0b1010_1010];
    mode.extend([0; 23]);
    mode.push(3);
    assert_eq!(refused(&mode, plain, 1, 4), "its stream is broken: an unknown channel mode");
}

#[test]
fn the_example_of_the_specification_decodes() {
    // One column of sixteen 4-bit deltas, two of them written out (KHR_meshopt_compression, mode 0).
    let packed = [0x17, 0x5f, 0xf0, 0xbc, 0x77, 0xa9, 0x21, 0x00, 0x34, 0xb5];
    let deltas = [-1, -4, -3, 26, -91, 0, -6, 6, -4, -4, 5, -5, 1, -1, 0, 0];
    let mut stream = vec![0xa0, 2];
    stream.extend(packed);
    stream.extend([0; 3]);
    stream.extend([0; 28]);
    stream.extend([100, 7, 8, 9]);
    let layout = Layout { mode: Mode::Attributes(Filter::None), count: 16, stride: 4 };
    let decoded = decode(&stream, layout).unwrap();
    let mut value = 100u8;
    for (element, delta) in decoded.chunks(4).zip(deltas) {
        value = value.wrapping_add(delta as u8);
        assert_eq!(element, [value, 7, 8, 9]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_bent_stream_never_panics_and_never_grows(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let cases = cases();
        let case = &cases[which.index(cases.len())];
        let mut stream = case.stream.clone();
        for (at, value) in flips {
            let at = at.index(stream.len());
            stream[at] = value;
        }
        if let Ok(decoded) = decode(&stream, case.layout) {
            prop_assert_eq!(decoded.len(), case.decoded.len());
        }
    }
}
