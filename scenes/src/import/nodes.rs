//! The node hierarchy: world transforms as the document has them, in f64, and which nodes the scene holds and shows.

use gltf::json::Root;
use serde_json::Value;

use super::animation::VISIBILITY;
use super::error::ImportError;
use crate::affine::Affine;
use crate::label::label;
use crate::limits::ImportLimits;

/// Every node's world transform, and the nodes of the default scene in depth-first order.
pub struct Hierarchy {
    pub world: Vec<Affine>,
    /// For each node, whether an animation moves it or one above it.
    pub moves: Vec<bool>,
    /// The scene's nodes.
    pub present: Vec<usize>,
    /// Those of them that `KHR_node_visibility` does not hide. It hides neither cameras nor joints.
    pub shown: Vec<usize>,
}

pub fn node_label(root: &Root, index: usize) -> String {
    label("node", index, root.nodes.get(index).and_then(|node| node.name.as_deref()))
}

/// Resolves the hierarchy. Refuses cycles, nodes with two parents, numbers that are not finite and too much depth.
/// `moved` says for each node whether an animation moves it.
pub fn hierarchy(root: &Root, moved: Vec<bool>, limits: &ImportLimits) -> Result<Hierarchy, ImportError> {
    ImportError::check("the scene", root.nodes.len() as u64, limits.nodes_max as u64, "nodes")?;
    let parents = parents(root)?;
    let roots: Vec<usize> = (0..root.nodes.len()).filter(|&node| parents[node].is_none()).collect();
    let mut world = vec![Affine::IDENTITY; root.nodes.len()];
    let (mut moves, mut hidden) = (moved, vec![false; root.nodes.len()]);
    let mut reached = vec![false; root.nodes.len()];
    let mut stack: Vec<(usize, Affine, usize)> =
        roots.iter().map(|&node| (node, Affine::IDENTITY, 1)).collect();
    while let Some((node, above, depth)) = stack.pop() {
        ImportError::check(node_label(root, node), depth as u64, limits.depth_max as u64, "levels deep")?;
        let placed = above.then_of(&local(root, node)?);
        if !placed.is_finite() {
            return Err(ImportError::malformed(
                node_label(root, node),
                "its place in the world is not finite",
            ));
        }
        world[node] = placed;
        reached[node] = true;
        hidden[node] |= !visible(root, node)?;
        for child in children(root, node) {
            moves[child] |= moves[node];
            hidden[child] |= hidden[node];
            stack.push((child, placed, depth + 1));
        }
    }
    if let Some(node) = reached.iter().position(|reached| !reached) {
        return Err(ImportError::malformed(
            node_label(root, node),
            "is its own ancestor: the nodes form a cycle",
        ));
    }
    let present = present(root, &roots)?;
    let shown = present.iter().copied().filter(|node| !hidden[*node]).collect();
    Ok(Hierarchy { world, moves, present, shown })
}

/// A node's own visibility.
fn visible(root: &Root, node: usize) -> Result<bool, ImportError> {
    let extension = root.nodes[node].extensions.as_ref().and_then(|all| all.others.get(VISIBILITY));
    match extension.and_then(|extension| extension.get("visible")) {
        None => Ok(true),
        Some(Value::Bool(visible)) => Ok(*visible),
        Some(_) => {
            let problem = format!("`visible` of its {VISIBILITY} is neither true nor false");
            Err(ImportError::malformed(node_label(root, node), problem))
        }
    }
}

fn children(root: &Root, node: usize) -> impl Iterator<Item = usize> + '_ {
    root.nodes[node].children.iter().flatten().map(|child| child.value())
}

fn parents(root: &Root) -> Result<Vec<Option<usize>>, ImportError> {
    let mut parents = vec![None; root.nodes.len()];
    for node in 0..root.nodes.len() {
        for child in children(root, node) {
            let Some(parent) = parents.get_mut(child) else {
                let problem = format!("has the child {child}; the file has {} nodes", root.nodes.len());
                return Err(ImportError::malformed(node_label(root, node), problem));
            };
            if let Some(other) = parent.replace(node) {
                let problem = format!("has two parents, nodes {other} and {node}");
                return Err(ImportError::malformed(node_label(root, child), problem));
            }
        }
    }
    Ok(parents)
}

/// Depth-first from the default scene's roots; without a scene, from all roots.
fn present(root: &Root, roots: &[usize]) -> Result<Vec<usize>, ImportError> {
    let chosen = root.scene.map_or(0, |scene| scene.value());
    let scene_roots: Vec<usize> = match root.scenes.get(chosen) {
        Some(scene) => scene.nodes.iter().map(|node| node.value()).collect(),
        None if root.scene.is_none() => roots.to_vec(),
        None => {
            let problem = format!("does not exist; the file has {}", root.scenes.len());
            return Err(ImportError::malformed(label("scene", chosen, None), problem));
        }
    };
    let mut seen = vec![false; root.nodes.len()];
    let mut stack: Vec<usize> = scene_roots.into_iter().rev().collect();
    let mut present = Vec::new();
    while let Some(node) = stack.pop() {
        match seen.get_mut(node) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => {
                return Err(ImportError::malformed(node_label(root, node), "is in the scene twice"));
            }
            None => {
                let problem = format!("has the node {node}; the file has {}", root.nodes.len());
                return Err(ImportError::malformed(label("scene", chosen, None), problem));
            }
        }
        present.push(node);
        let start = stack.len();
        stack.extend(children(root, node));
        stack[start..].reverse();
    }
    Ok(present)
}

/// A node's own transform.
fn local(root: &Root, index: usize) -> Result<Affine, ImportError> {
    let node = &root.nodes[index];
    let fail = |problem: &str| ImportError::malformed(node_label(root, index), problem);
    if let Some(matrix) = node.matrix {
        if !matrix.iter().all(|x| x.is_finite()) {
            return Err(fail("its matrix is not finite"));
        }
        return Affine::from_columns(&matrix.map(f64::from))
            .ok_or_else(|| fail("its matrix is not affine: the last row must be 0 0 0 1"));
    }
    let translation = node.translation.unwrap_or([0.0; 3]);
    let rotation = node.rotation.map_or([0.0, 0.0, 0.0, 1.0], |rotation| rotation.0);
    let scale = node.scale.unwrap_or([1.0; 3]);
    if !translation.iter().chain(&rotation).chain(&scale).all(|x| x.is_finite()) {
        return Err(fail("its translation, rotation or scale is not finite"));
    }
    Affine::from_parts(translation.map(f64::from), rotation.map(f64::from), scale.map(f64::from))
        .ok_or_else(|| fail("its rotation is a quaternion of length zero"))
}
