//! The sections of one scene against each other: counts, indices, ranges, cumulative probabilities.

use bytemuck::Pod;

use super::instance::validate_instance;
use super::light::{validate_picks, validate_punctual};
use super::{
    ALBEDO_EDGE_MAX, Checked, InvalidPackage, MAGNITUDE_MAX, Seen, invalid, is_degenerate, is_number,
    numbers, within,
};
use crate::grid::FRAME_EDGE_MAX_PX;
use crate::package::layout::{
    EnvironmentTable, IMAGE_LINEAR8, Image, Instance, LightTriangle, MATERIAL_EMISSIVE, Material, Mesh, NONE,
    PunctualLight, SLOT_NEAREST, SLOT_ROLE_SHIFT, SLOT_UV1, SceneHeader, TextureSlot, VertexAttributes,
    WRAP_MIRROR, role, tables,
};
use crate::package::{Package, SceneEntry, SectionKind};

/// The sections of a scene as records.
pub(super) struct Scene<'a> {
    pub(super) header: SceneHeader,
    positions: &'a [u8],
    attributes: &'a [u8],
    triangles: &'a [u8],
    meshes: Vec<Mesh>,
    instances: &'a [u8],
    pub(super) materials: Vec<Material>,
    pub(super) slots: Vec<TextureSlot>,
    images: Vec<Image>,
    texels: &'a [u8],
    lights: &'a [u8],
    punctual_lights: &'a [u8],
    environment_texels: &'a [u8],
    environment_table: &'a [u8],
    pub(super) tables: &'a [u8],
}

/// Records of a section, wherever its bytes lie.
fn records<T: Pod>(bytes: &[u8]) -> impl ExactSizeIterator<Item = T> + '_ {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned)
}

impl<'a> Scene<'a> {
    pub(super) fn read(package: &'a Package, entry: &'a SceneEntry) -> Result<Scene<'a>, InvalidPackage> {
        let section = |kind: SectionKind, record: usize| {
            let bytes = package.section(entry, kind);
            if !bytes.len().is_multiple_of(record) {
                return invalid(
                    format!("{kind:?}"),
                    format!("{} bytes are no multiple of {record}", bytes.len()),
                );
            }
            Ok(bytes)
        };
        use SectionKind as Kind;
        let headers: Vec<SceneHeader> =
            records(section(Kind::Header, size_of::<SceneHeader>())?).take(2).collect();
        let [header] = headers[..] else {
            return invalid("Header", "there must be one");
        };
        Ok(Scene {
            header,
            positions: section(Kind::Positions, 16)?,
            attributes: section(Kind::Attributes, size_of::<VertexAttributes>())?,
            triangles: section(Kind::Triangles, 16)?,
            meshes: records(section(Kind::Meshes, size_of::<Mesh>())?).collect(),
            instances: section(Kind::Instances, size_of::<Instance>())?,
            materials: records(section(Kind::Materials, size_of::<Material>())?).collect(),
            slots: records(section(Kind::TextureSlots, size_of::<TextureSlot>())?).collect(),
            images: records(section(Kind::Images, size_of::<Image>())?).collect(),
            texels: section(Kind::Texels, 4)?,
            lights: section(Kind::LightTriangles, size_of::<LightTriangle>())?,
            punctual_lights: section(Kind::PunctualLights, size_of::<PunctualLight>())?,
            environment_texels: section(Kind::EnvironmentTexels, 16)?,
            environment_table: section(Kind::EnvironmentTable, 4)?,
            tables: section(Kind::Tables, 4)?,
        })
    }

    pub(super) fn validate(&self, seen: &mut Seen) -> Checked {
        self.header()?;
        self.tables()?;
        let SceneHeader { environment_width, environment_height, environment_cos, environment_sin, .. } =
            self.header;
        let (cos, sin) = (environment_cos.to_bits(), environment_sin.to_bits());
        let numbers = [environment_width, environment_height, cos, sin];
        let environment = [self.environment_texels, self.environment_table];
        seen.once("environment", &environment, &numbers, || self.environment())?;
        self.images()?;
        self.validate_materials()?;
        seen.once("vertices", &[self.positions, self.attributes], &[], || self.vertices())?;
        self.triangles()?;
        self.instances()?;
        validate_punctual(records(self.punctual_lights))
    }

    fn header(&self) -> Checked {
        let counts = [
            ("instance_count", self.header.instance_count, self.instances.len() / size_of::<Instance>()),
            ("triangle_count", self.header.triangle_count, self.triangles.len() / 16),
            (
                "light_triangle_count",
                self.header.light_triangle_count,
                self.lights.len() / size_of::<LightTriangle>(),
            ),
            (
                "punctual_count",
                self.header.punctual_count,
                self.punctual_lights.len() / size_of::<PunctualLight>(),
            ),
            ("reserved0", self.header.reserved0, 0),
            ("reserved1", self.header.reserved1, 0),
        ];
        for (name, named, found) in counts {
            if named as usize != found {
                return invalid("header", format!("its {name} is {named} where it must be {found}"));
            }
        }
        validate_picks(&self.header)
    }

    fn tables(&self) -> Checked {
        let edge = self.header.albedo_edge;
        if !(2..=ALBEDO_EDGE_MAX).contains(&edge) || self.tables.len() < 4 * tables::words(edge) {
            return invalid(
                "tables",
                format!("{} words with an albedo edge of {edge}", self.tables.len() / 4),
            );
        }
        let values: Vec<f32> = records(self.tables).collect();
        let srgb = &values[tables::SRGB..tables::SRGB + 256];
        within("tables", "sRGB", srgb, 0.0, 1.0)?;
        if srgb.windows(2).any(|pair| pair[0] > pair[1]) {
            return invalid("tables", "sRGB falls");
        }
        within("tables", "albedo", &values[tables::ALBEDO..], 0.0, 1.0)
    }

    fn environment(&self) -> Checked {
        let (width, height) = (self.header.environment_width, self.header.environment_height);
        let place = "environment";
        let (cos, sin) = (self.header.environment_cos, self.header.environment_sin);
        within(place, "rotation", &[cos, sin], -1.0, 1.0)?;
        if (f64::from(cos).powi(2) + f64::from(sin).powi(2) - 1.0).abs() > 1e-5 {
            return invalid(place, "its cosine and sine are of no angle");
        }
        if width == 0 && height == 0 {
            return match self.environment_texels.is_empty() && self.environment_table.is_empty() {
                true => Ok(()),
                false => invalid(place, "texels or a table without a size"),
            };
        }
        let texels = u64::from(width) * u64::from(height);
        if texels == 0 || self.environment_texels.len() as u64 != texels * 16 {
            let found = self.environment_texels.len() / 16;
            return invalid(place, format!("{found} texels where {width}×{height} are named"));
        }
        let layout = EnvironmentTable { width, height };
        // Texels are in memory, so none of these counts overflows.
        if self.environment_table.len() != layout.words() * 4 {
            let found = self.environment_table.len() / 4;
            return invalid(place, format!("a table of {found} words where {} are needed", layout.words()));
        }
        for [r, g, b, rest] in records::<[f32; 4]>(self.environment_texels) {
            within(place, "radiance", &[r, g, b], 0.0, MAGNITUDE_MAX)?;
            within(place, "padding", &[rest], 0.0, 0.0)?;
        }
        let words: Vec<u32> = records(self.environment_table).collect();
        let rows = words[layout.columns()..layout.edges()].chunks_exact(width as usize);
        for cdf in std::iter::once(&words[layout.rows()..layout.columns()]).chain(rows) {
            if cdf.last() != Some(&NONE) || cdf.windows(2).any(|pair| pair[0] > pair[1]) {
                return invalid(place, "a cumulative probability falls or does not end at 2^32 - 1");
            }
        }
        let float = |word: &u32| f32::from_bits(*word);
        let edges: Vec<f32> = words[layout.edges()..layout.densities()].iter().map(float).collect();
        within(place, "row edge", &edges, -1.0, 1.0)?;
        let ends = (edges.first(), edges.last());
        if ends != (Some(&1.0), Some(&-1.0)) || edges.windows(2).any(|pair| pair[0] <= pair[1]) {
            return invalid(place, "row edges do not fall from 1 to -1");
        }
        let densities: Vec<f32> = words[layout.densities()..].iter().map(float).collect();
        within(place, "density", &densities, 1.0 / 16.0, MAGNITUDE_MAX)
    }

    fn images(&self) -> Checked {
        let texels = self.texels.len() as u64 / 4;
        for (i, image) in self.images.iter().enumerate() {
            let place = format!("image {i}");
            let edges = 1..=FRAME_EDGE_MAX_PX;
            if !edges.contains(&image.width) || !edges.contains(&image.height) {
                return invalid(place, format!("{}×{} texels", image.width, image.height));
            }
            let end = u64::from(image.texel_start) + u64::from(image.width) * u64::from(image.height);
            if end > texels {
                return invalid(place, format!("it ends at texel {end} of {texels}"));
            }
            if image.format > IMAGE_LINEAR8 {
                return invalid(place, format!("the format {} is unknown", image.format));
            }
        }
        for (i, slot) in self.slots.iter().enumerate() {
            let place = format!("texture slot {i}");
            if slot.image as usize >= self.images.len() {
                return invalid(place, format!("its image {} does not exist", slot.image));
            }
            let known = 0b1111 | SLOT_NEAREST | SLOT_UV1;
            let (flags, role) = (slot.flags & 0xff, slot.flags >> SLOT_ROLE_SHIFT);
            if flags & !known != 0
                || flags & 3 > WRAP_MIRROR
                || flags >> 2 & 3 > WRAP_MIRROR
                || role >= role::COUNT
            {
                return invalid(place, format!("its flags {:#x} are unknown", slot.flags));
            }
            numbers(&place, &slot.row_u)?;
            numbers(&place, &slot.row_v)?;
        }
        Ok(())
    }

    fn vertices(&self) -> Checked {
        let (positions, attributes) =
            (self.positions.len() / 16, self.attributes.len() / size_of::<VertexAttributes>());
        if positions != attributes {
            return invalid("vertices", format!("{positions} positions and {attributes} attributes"));
        }
        let both = records::<[f32; 4]>(self.positions).zip(records::<VertexAttributes>(self.attributes));
        for (i, (position, a)) in both.enumerate() {
            let ok = position.iter().all(|x| is_number(*x))
                && position[3].to_bits() == 0
                && [a.u0, a.v0, a.u1, a.v1].iter().all(|x| is_number(*x))
                && is_unit_or_zero(a.normal)
                && is_unit_or_zero(a.tangent);
            if !ok {
                return invalid(
                    format!("vertex {i}"),
                    format!("its numbers are out of range: {position:?} {a:?}"),
                );
            }
        }
        Ok(())
    }

    fn triangles(&self) -> Checked {
        let positions: Vec<[f32; 4]> = records(self.positions).collect();
        let mut triangles = records::<[u32; 4]>(self.triangles).enumerate();
        let mut start = 0u64;
        for (m, mesh) in self.meshes.iter().enumerate() {
            if u64::from(mesh.triangle_start) != start
                || mesh.triangle_count == 0
                || mesh.emissive_count > mesh.triangle_count
                || mesh.reserved != 0
            {
                return invalid(format!("mesh {m}"), format!("its ranges do not fit: {mesh:?}"));
            }
            start += u64::from(mesh.triangle_count);
            for local in 0..mesh.triangle_count {
                let Some((i, [a, b, c, material])) = triangles.next() else {
                    return invalid(format!("mesh {m}"), "it ends beyond the last triangle");
                };
                let place = || format!("triangle {i}");
                let Some(material) = self.materials.get(material as usize) else {
                    return invalid(place(), format!("its material {material} does not exist"));
                };
                let corners = [a, b, c].map(|i| positions.get(i as usize).map(|p| [p[0], p[1], p[2]]));
                let [Some(p), Some(q), Some(r)] = corners else {
                    return invalid(place(), format!("a vertex of {a}, {b}, {c} does not exist"));
                };
                if is_degenerate(p, q, r) {
                    return invalid(place(), "it has no area");
                }
                if (material.flags & MATERIAL_EMISSIVE != 0) != (local < mesh.emissive_count) {
                    return invalid(place(), "emissive triangles do not come first in their mesh");
                }
            }
        }
        match triangles.next() {
            Some((i, _)) => invalid(format!("triangle {i}"), "it belongs to no mesh"),
            None => Ok(()),
        }
    }

    fn instances(&self) -> Checked {
        let mut lights = records::<LightTriangle>(self.lights).enumerate();
        let mut before = None;
        for (i, instance) in records::<Instance>(self.instances).enumerate() {
            let place = format!("instance {i}");
            let Some(mesh) = self.meshes.get(instance.mesh as usize) else {
                return invalid(place, format!("its mesh {} does not exist", instance.mesh));
            };
            validate_instance(&place, &instance, mesh)?;
            let next_light = self.lights.len() / size_of::<LightTriangle>() - lights.len();
            let light_start = if mesh.emissive_count == 0 { NONE } else { next_light as u32 };
            if instance.light_start != light_start {
                let problem =
                    format!("its lights start at {} where they are at {light_start}", instance.light_start);
                return invalid(place, problem);
            }
            for local in 0..mesh.emissive_count {
                let Some((l, light)) = lights.next() else {
                    return invalid(place, "its lights are not all listed");
                };
                let is_last = lights.len() == 0;
                let rises =
                    before.is_none_or(|before| light.cdf > before) && (before.is_some() || light.cdf > 0);
                let is_own = light.instance as usize == i && light.triangle == mesh.triangle_start + local;
                // Probabilities are at least 2⁻³², areas at most 2⁸¹ and at least 2⁻¹⁰².
                let has_density =
                    light.pdf_area.is_normal() && light.pdf_area > 0.0 && light.pdf_area < 2f32.powi(110);
                if !is_own || !rises || !has_density || is_last != (light.cdf == NONE) {
                    return invalid(
                        format!("light triangle {l}"),
                        format!("its record does not fit: {light:?}"),
                    );
                }
                before = Some(light.cdf);
            }
        }
        match lights.next() {
            Some((l, _)) => invalid(format!("light triangle {l}"), "it belongs to no instance"),
            None => Ok(()),
        }
    }
}

fn is_unit_or_zero(v: [f32; 3]) -> bool {
    let [x, y, z] = v.map(f64::from);
    v.iter().all(|x| is_number(*x)) && (v == [0.0; 3] || (x * x + y * y + z * z - 1.0).abs() < 1e-3)
}
