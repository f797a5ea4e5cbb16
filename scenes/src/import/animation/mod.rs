//! The animation that a shot plays: channels read once, evaluated at a frame's time, and written into the glTF document before
//! the frame's scene is read. Knows nothing of what the properties mean.

mod sampler;
mod target;

use std::collections::BTreeMap;

use gltf::json::Root;
use serde::Deserialize;
use serde_json::Value;

use super::accessor::Accessors;
use super::error::ImportError;
use super::selection::choose;
use crate::label::{label, quoted};
use crate::limits::ImportLimits;
use crate::notice::Notices;
use sampler::{Curve, Interpolation};
use target::{Element, Target};

pub use target::{VISIBILITY, node_targets};

/// An animation as the file has it. The typed document cannot hold one whose channels have pointers instead of nodes.
#[derive(Clone, Debug, Deserialize)]
pub struct AnimationJson {
    name: Option<String>,
    #[serde(default)]
    channels: Vec<ChannelJson>,
    #[serde(default)]
    samplers: Vec<SamplerJson>,
}

#[derive(Clone, Debug, Deserialize)]
struct ChannelJson {
    sampler: usize,
    target: TargetJson,
}

#[derive(Clone, Debug, Deserialize)]
struct TargetJson {
    node: Option<usize>,
    path: String,
    extensions: Option<TargetExtensions>,
}

#[derive(Clone, Debug, Deserialize)]
struct TargetExtensions {
    #[serde(rename = "KHR_animation_pointer")]
    pointer: Option<PointerJson>,
}

#[derive(Clone, Debug, Deserialize)]
struct PointerJson {
    pointer: String,
}

#[derive(Clone, Debug, Deserialize)]
struct SamplerJson {
    input: usize,
    output: usize,
    #[serde(default)]
    interpolation: Option<String>,
}

/// What moves over time. Empty for a scene that stands still.
#[derive(Debug, Default)]
pub struct Animation {
    channels: Vec<Channel>,
    /// The objects that channels edit as JSON.
    edited: BTreeMap<Element, Value>,
}

#[derive(Debug)]
struct Channel {
    curve: Curve,
    target: Target,
}

/// The values of all channels at one time. Equal poses of one animation show equal scenes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pose(Vec<f32>);

impl Pose {
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Animation {
    /// Reads the animation that is played. `wanted` is a name or an index; without it the first one is played, as Blender's
    /// importer shows it. Where no animation has that name, `all` plays all together and `none` the rest pose.
    pub fn read(
        animations: &[AnimationJson],
        wanted: Option<&str>,
        accessors: &mut Accessors,
        limits: &ImportLimits,
        notices: &mut Notices,
    ) -> Result<Animation, ImportError> {
        let names: Vec<Option<&str>> = animations.iter().map(|a| a.name.as_deref()).collect();
        let played = match wanted {
            None => {
                if let [first, _, ..] = names[..] {
                    let first = first.map_or_else(|| "without a name".into(), quoted);
                    let effect = format!(
                        "the file has {}; the first, {first}, is played; name another, or `all`, with `animation`",
                        names.len()
                    );
                    notices.add("animations", effect);
                }
                0..animations.len().min(1)
            }
            Some("all") if !names.contains(&Some("all")) => 0..animations.len(),
            Some("none") if !names.contains(&Some("none")) => 0..0,
            Some(name) => {
                let index = choose("animation", "animations", &names, name)?;
                index..index + 1
            }
        };
        let mut reader = Reader {
            accessors,
            numbers_left: limits.animation_numbers_max,
            numbers_max: limits.animation_numbers_max,
            unresolved: Vec::new(),
        };
        let mut animation = Animation::default();
        for index in played {
            let place = label("animation", index, names[index]);
            reader.animation(&animations[index], &place, &mut animation.channels)?;
        }
        reader.add_notice(notices);
        let root = reader.accessors.root;
        for channel in &animation.channels {
            if let Target::Property { element, .. } = channel.target
                && !animation.edited.contains_key(&element)
            {
                animation.edited.insert(element, element.json(root)?);
            }
        }
        Ok(animation)
    }

    /// The values of all channels at a time.
    pub fn pose(&self, seconds: f64) -> Result<Pose, ImportError> {
        let mut values = Vec::new();
        for (i, channel) in self.channels.iter().enumerate() {
            let at = values.len();
            values.extend(channel.curve.at(seconds).into_iter().map(|x| x as f32));
            if let Some(x) = values[at..].iter().find(|x| !x.is_finite()) {
                let problem = format!("its curve reaches {x} at {seconds} s");
                return Err(ImportError::malformed(format!("animated channel {i}"), problem));
            }
        }
        Ok(Pose(values))
    }

    /// Writes a pose of this animation into the document. Every pose writes the same properties, so the last one holds.
    pub fn apply(&mut self, pose: &Pose, root: &mut Root) -> Result<(), ImportError> {
        let mut rest = &pose.0[..];
        for channel in &self.channels {
            let (value, after) = rest.split_at(channel.curve.width());
            rest = after;
            match &channel.target {
                Target::Property { element, path, .. } => {
                    if let Some(json) = self.edited.get_mut(element) {
                        target::write_json(json, path, value);
                    }
                }
                target => target.write(value, root),
            }
        }
        self.edited.iter().try_for_each(|(element, json)| element.put(json, root))
    }

    /// For each node, whether a channel moves it.
    pub fn moved_nodes(&self, nodes: usize) -> Vec<bool> {
        let mut moved = vec![false; nodes];
        for node in self.channels.iter().filter_map(|channel| channel.target.moved_node()) {
            moved[node] = true;
        }
        moved
    }

    /// Whether materials differ between poses.
    pub fn edits_materials(&self) -> bool {
        self.edited.keys().any(|element| matches!(element, Element::Material(_)))
    }
}

struct Reader<'r, 'a> {
    accessors: &'r mut Accessors<'a>,
    numbers_left: u64,
    numbers_max: u64,
    /// Properties that nothing here or nothing in the file has.
    unresolved: Vec<String>,
}

impl Reader<'_, '_> {
    fn add_notice(&self, notices: &mut Notices) {
        let Some(first) = self.unresolved.first() else { return };
        let others = match self.unresolved.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let effect =
            format!("{}{others} stand still: unknown, or not in the file", quoted(first).trim_matches('"'));
        notices.add("animated properties", effect);
    }

    fn animation(
        &mut self,
        animation: &AnimationJson,
        place: &str,
        channels: &mut Vec<Channel>,
    ) -> Result<(), ImportError> {
        for (i, channel) in animation.channels.iter().enumerate() {
            let place = format!("channel {i} of {place}");
            let Some(target) = self.target(&channel.target)? else {
                continue;
            };
            let sampler = animation.samplers.get(channel.sampler).ok_or_else(|| {
                let problem =
                    format!("has the sampler {}; there are {}", channel.sampler, animation.samplers.len());
                ImportError::malformed(&place, problem)
            })?;
            let curve = self.curve(sampler, &target, &place)?;
            channels.push(Channel { curve, target });
        }
        Ok(())
    }

    /// What a channel animates; `None` where it animates nothing that is known here.
    fn target(&mut self, json: &TargetJson) -> Result<Option<Target>, ImportError> {
        let root = self.accessors.root;
        let pointer = json.extensions.as_ref().and_then(|all| all.pointer.as_ref());
        if let (Some(PointerJson { pointer }), "pointer") = (pointer, json.path.as_str()) {
            let target = Target::of_pointer(pointer, root);
            match &target {
                None => self.unresolved.push(pointer.clone()),
                Some(target) => self.check_moved(target)?,
            }
            return Ok(target);
        }
        // A channel without a node is for extensions that are not known here (glTF 2.0 §3.11).
        let Some(node) = json.node else {
            return Ok(None);
        };
        // Blender 4.5 writes such channels where instancing took nodes out of the file.
        if node >= root.nodes.len() {
            self.unresolved.push(format!("node {node} of {}", root.nodes.len()));
            return Ok(None);
        }
        let target = match json.path.as_str() {
            "translation" => Target::Translation(node),
            "rotation" => Target::Rotation(node),
            "scale" => Target::Scale(node),
            "weights" if node_targets(root, node) > 0 => Target::Weights(node),
            "weights" => return Ok(None),
            other => {
                self.unresolved.push(other.to_owned());
                return Ok(None);
            }
        };
        self.check_moved(&target)?;
        Ok(Some(target))
    }

    fn check_moved(&self, target: &Target) -> Result<(), ImportError> {
        let root = self.accessors.root;
        match target.moved_node() {
            Some(node) if root.nodes[node].matrix.is_some() => {
                let problem = "is animated and has a `matrix`; export its translation, rotation and scale";
                Err(ImportError::malformed(super::nodes::node_label(root, node), problem))
            }
            _ => Ok(()),
        }
    }

    fn curve(&mut self, sampler: &SamplerJson, target: &Target, place: &str) -> Result<Curve, ImportError> {
        let root = self.accessors.root;
        let interpolation = match (sampler.interpolation.as_deref(), target) {
            (Some("STEP"), _) | (_, Target::Visible(_)) => Interpolation::Step,
            (None | Some("LINEAR"), Target::Rotation(_)) => Interpolation::Spherical,
            (None | Some("LINEAR"), _) => Interpolation::Linear,
            (Some("CUBICSPLINE"), _) => Interpolation::Cubic,
            (Some(other), _) => {
                let problem = format!(
                    "has the interpolation {}; STEP, LINEAR and CUBICSPLINE are known",
                    quoted(other)
                );
                return Err(ImportError::malformed(place, problem));
            }
        };
        let components = target.components(root);
        let (keys, values) = (self.accessors.count(sampler.input)?, self.accessors.count(sampler.output)?);
        let numbers = keys.saturating_add(values.saturating_mul(components as u64));
        let limit = self.numbers_max;
        self.numbers_left = self.numbers_left.checked_sub(numbers).ok_or_else(|| ImportError::TooMuch {
            what: format!("{place} and those before it"),
            found: (limit - self.numbers_left).saturating_add(numbers),
            limit,
            unit: "animated numbers",
        })?;
        let seconds = self.accessors.floats::<1>(sampler.input)?.into_iter().flatten().collect();
        let values = match components {
            1 => self.accessors.floats::<1>(sampler.output)?.into_iter().flatten().collect(),
            2 => self.accessors.floats::<2>(sampler.output)?.into_iter().flatten().collect(),
            3 => self.accessors.floats::<3>(sampler.output)?.into_iter().flatten().collect(),
            _ => self.accessors.floats::<4>(sampler.output)?.into_iter().flatten().collect(),
        };
        let curve = Curve::new(seconds, values, target.width(root), interpolation);
        curve.map_err(|error| ImportError::malformed(place, error.to_string()))
    }
}
