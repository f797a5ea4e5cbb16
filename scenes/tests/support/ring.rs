//! The ring of `fixtures/ring_plain.glb`, Blender's plain export, and how another file of it is held against that.

use tessera_scenes::ImportLimits;
use tessera_shared::package::layout::VertexAttributes;
use tessera_shared::package::{Package, SectionKind};

use super::{Folder, fixture, records};

/// Corners of every triangle: position, normal and colour.
pub fn corners(package: &Package) -> Vec<[[f64; 3]; 3]> {
    let positions: Vec<[f32; 4]> = records(package, SectionKind::Positions);
    let attributes: Vec<VertexAttributes> = records(package, SectionKind::Attributes);
    let triangles: Vec<[u32; 4]> = records(package, SectionKind::Triangles);
    let corner = |i: &u32| {
        let (position, attributes) = (positions[*i as usize], attributes[*i as usize]);
        let channel = |word: u32, shift: u32| f64::from(word >> shift & 0xFFFF) / 65535.0;
        let color = [
            channel(attributes.color_rg, 0),
            channel(attributes.color_rg, 16),
            channel(attributes.color_ba, 0),
        ];
        [[0, 1, 2].map(|k| f64::from(position[k])), attributes.normal.map(f64::from), color]
    };
    triangles.iter().flat_map(|triangle| &triangle[..3]).map(corner).collect()
}

pub fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
}

/// The volume inside, positive where triangles wind counter-clockwise seen from outside. Quads may be cut either way, which
/// changes it a little.
fn volume(corners: &[[[f64; 3]; 3]]) -> f64 {
    let determinant = |t: &[[[f64; 3]; 3]]| {
        let [a, b, c] = [t[0][0], t[1][0], t[2][0]];
        a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    };
    corners.chunks_exact(3).map(determinant).sum::<f64>() / 6.0
}

/// How far apart corners that mean the same may be.
pub struct Steps {
    pub position: f64,
    pub normal: f64,
    pub color: f64,
}

/// Every corner of the plain ring has one of the other's at its place that looks like it, there are as many triangles, and they
/// wind alike.
pub fn same_ring(other: &Package, steps: Steps) {
    let bytes = std::fs::read(fixture("ring_plain.glb")).unwrap();
    let plain = corners(&Folder::new().compile(&bytes, &ImportLimits::default()).unwrap().package);
    let other = corners(other);
    assert_eq!((plain.len(), other.len()), (576, 576));
    for [position, normal, color] in &plain {
        let apart = |corner: &[[f64; 3]; 3]| distance(corner[0], *position);
        let nearest = other.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)));
        let [there, faces, looks] = nearest.unwrap();
        assert!(distance(*there, *position) < steps.position, "{position:?} {there:?}");
        assert!(distance(*faces, *normal) < steps.normal, "{normal:?} {faces:?}");
        assert!(distance(*looks, *color) < steps.color, "{color:?} {looks:?}");
    }
    assert!((volume(&plain) / volume(&other) - 1.0).abs() < 0.03, "{} {}", volume(&plain), volume(&other));
}
