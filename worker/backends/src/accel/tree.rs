//! A binary tree of boxes with one primitive a leaf, built by `obvhs` and kept within a depth. Decides quality and depth;
//! knows neither triangles nor kernels.

use obvhs::Boundable;
use obvhs::aabb::Aabb;
use obvhs::bvh2::Bvh2;
use obvhs::bvh2::reinsertion::ReinsertionOptimizer;
use obvhs::ploc::{PlocBuilder, PlocSearchDistance, SortPrecision};

use super::{Bounds, Quality};

/// What a node leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// A primitive.
    Leaf(u32),
    /// Two nodes, at this index and the next.
    Pair(u32),
}

/// A node: the box of everything below, and what is below.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub bounds: Bounds,
    pub link: Link,
}

/// The root is node 0, and children come after their parents.
pub(crate) struct Tree {
    pub nodes: Vec<Node>,
    depth: u32,
}

impl Boundable for Bounds {
    fn aabb(&self) -> Aabb {
        Aabb { min: self.min.into(), max: self.max.into() }
    }
}

impl Tree {
    /// A tree over at least one box, at most `depth_max` deep; `boxes.len()` is at most 2^`depth_max`.
    pub fn build(boxes: &[Bounds], quality: Quality, depth_max: u32) -> Tree {
        let mut links = match clustered(boxes, quality) {
            Some(bvh) => links_of(&bvh),
            None => balanced_links(boxes),
        };
        let (heights, counts) = shape_of(&links);
        if heights[0] > depth_max {
            links = within_depth(boxes, &links, &heights, &counts, depth_max);
        }
        let depth = shape_of(&links).0[0];
        Tree { nodes: with_bounds(boxes, &links), depth }
    }

    /// Edges from the root to the deepest leaf.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The same tree over renamed primitives.
    pub fn with_leaves(mut self, name: impl Fn(u32) -> u32) -> Tree {
        for node in &mut self.nodes {
            if let Link::Leaf(leaf) = &mut node.link {
                *leaf = name(*leaf);
            }
        }
        self
    }
}

/// The tree by `obvhs`; `None` where halving is asked for or all there can be.
fn clustered(boxes: &[Bounds], quality: Quality) -> Option<Bvh2> {
    let (search, reinsertion) = match quality {
        Quality::Balanced => return None,
        Quality::Fast => (PlocSearchDistance::Minimum, 0.0),
        Quality::Medium => (PlocSearchDistance::Low, 0.02),
        Quality::High => (PlocSearchDistance::High, 0.25),
    };
    if boxes.len() < 2 {
        return None;
    }
    let order = (0..boxes.len() as u32).collect();
    let mut bvh = PlocBuilder::with_capacity(boxes.len()).build(search, boxes, order, SortPrecision::U64, 0);
    ReinsertionOptimizer::default().run(&mut bvh, reinsertion, None);
    Some(bvh)
}

/// The links of an `obvhs` tree, children after parents.
fn links_of(bvh: &Bvh2) -> Vec<Link> {
    let mut links = vec![Link::Leaf(0)];
    let mut open = vec![(0usize, 0usize)];
    while let Some((from, to)) = open.pop() {
        let node = &bvh.nodes[from];
        links[to] = if node.is_leaf() {
            Link::Leaf(bvh.primitive_indices[node.first_index as usize])
        } else {
            let pair = push_pair(&mut links);
            let first = node.first_index as usize;
            open.extend([(first, pair), (first + 1, pair + 1)]);
            Link::Pair(pair as u32)
        };
    }
    links
}

fn push_pair(links: &mut Vec<Link>) -> usize {
    let pair = links.len();
    links.extend([Link::Leaf(0); 2]);
    pair
}

/// A tree that halves its primitives by position.
fn balanced_links(boxes: &[Bounds]) -> Vec<Link> {
    let mut links = vec![Link::Leaf(0)];
    halve(boxes, &mut (0..boxes.len() as u32).collect::<Vec<_>>(), &mut links, 0);
    links
}

/// Halves `primitives` into a tree below `links[root]`, by the longest axis of their centres; ties by index.
fn halve(boxes: &[Bounds], primitives: &mut [u32], links: &mut Vec<Link>, root: usize) {
    let centre = |primitive: u32, axis: usize| {
        let bounds = boxes[primitive as usize];
        bounds.min[axis] + bounds.max[axis]
    };
    let mut open = vec![(root, 0, primitives.len())];
    while let Some((to, start, end)) = open.pop() {
        let part = &mut primitives[start..end];
        if let [primitive] = part {
            links[to] = Link::Leaf(*primitive);
            continue;
        }
        let span = |axis: usize| {
            let centres = part.iter().map(|&primitive| centre(primitive, axis));
            let (low, high) = centres.fold((f32::MAX, f32::MIN), |(low, high), c| (low.min(c), high.max(c)));
            high - low
        };
        let axis = (0..3).max_by(|&a, &b| span(a).total_cmp(&span(b))).unwrap_or(0);
        let middle = part.len() / 2;
        part.select_nth_unstable_by(middle, |&a, &b| {
            centre(a, axis).total_cmp(&centre(b, axis)).then(a.cmp(&b))
        });
        let pair = push_pair(links);
        links[to] = Link::Pair(pair as u32);
        open.extend([(pair, start, start + middle), (pair + 1, start + middle, end)]);
    }
}

/// Height of, and primitives below, each node.
fn shape_of(links: &[Link]) -> (Vec<u32>, Vec<u32>) {
    let (mut heights, mut counts) = (vec![0; links.len()], vec![1; links.len()]);
    for (node, link) in links.iter().enumerate().rev() {
        if let Link::Pair(pair) = *link {
            let pair = pair as usize;
            heights[node] = 1 + heights[pair].max(heights[pair + 1]);
            counts[node] = counts[pair] + counts[pair + 1];
        }
    }
    (heights, counts)
}

/// The tree with whatever would reach below `depth_max` halved instead, as high up as it must be and no higher.
fn within_depth(
    boxes: &[Bounds],
    links: &[Link],
    heights: &[u32],
    counts: &[u32],
    depth_max: u32,
) -> Vec<Link> {
    let mut limited = vec![Link::Leaf(0)];
    let mut open = vec![(0usize, 0usize, 0u32)];
    while let Some((from, to, depth)) = open.pop() {
        let halved_depth = depth + counts[from].next_power_of_two().ilog2();
        match links[from] {
            Link::Pair(_) if depth + heights[from] > depth_max && halved_depth >= depth_max => {
                halve(boxes, &mut primitives_below(links, from), &mut limited, to);
            }
            Link::Pair(pair) => {
                let (pair, target) = (pair as usize, push_pair(&mut limited));
                limited[to] = Link::Pair(target as u32);
                open.extend([(pair, target, depth + 1), (pair + 1, target + 1, depth + 1)]);
            }
            leaf => limited[to] = leaf,
        }
    }
    limited
}

fn primitives_below(links: &[Link], root: usize) -> Vec<u32> {
    let (mut open, mut primitives) = (vec![root], Vec::new());
    while let Some(node) = open.pop() {
        match links[node] {
            Link::Leaf(primitive) => primitives.push(primitive),
            Link::Pair(pair) => open.extend([pair as usize, pair as usize + 1]),
        }
    }
    primitives
}

/// Boxes from the leaves up, so that every node's box encloses its primitives' to the bit.
fn with_bounds(boxes: &[Bounds], links: &[Link]) -> Vec<Node> {
    let mut nodes: Vec<Node> = links.iter().map(|&link| Node { bounds: Bounds::EMPTY, link }).collect();
    for index in (0..nodes.len()).rev() {
        nodes[index].bounds = match nodes[index].link {
            Link::Leaf(primitive) => boxes[primitive as usize],
            Link::Pair(pair) => nodes[pair as usize].bounds.union(nodes[pair as usize + 1].bounds),
        };
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(x: f32, size: f32) -> Bounds {
        Bounds { min: [x, 0.0, 0.0], max: [x + size, size, size] }
    }

    fn leaves(tree: &Tree) -> Vec<u32> {
        let mut leaves: Vec<u32> = tree
            .nodes
            .iter()
            .filter_map(|node| match node.link {
                Link::Leaf(leaf) => Some(leaf),
                Link::Pair(_) => None,
            })
            .collect();
        leaves.sort_unstable();
        leaves
    }

    #[test]
    fn every_quality_holds_every_primitive_once_inside_its_boxes() {
        let boxes: Vec<Bounds> = (0..300).map(|i| cube((i * 7 % 300) as f32, 1.0 + (i % 5) as f32)).collect();
        for quality in [Quality::Balanced, Quality::Fast, Quality::Medium, Quality::High] {
            let tree = Tree::build(&boxes, quality, 40);
            assert_eq!(leaves(&tree), (0..300).collect::<Vec<_>>());
            for node in &tree.nodes {
                if let Link::Pair(pair) = node.link {
                    let children =
                        tree.nodes[pair as usize].bounds.union(tree.nodes[pair as usize + 1].bounds);
                    assert_eq!(node.bounds, children);
                }
            }
        }
    }

    #[test]
    fn a_tree_that_would_be_too_deep_is_halved_where_it_must() {
        // Sizes that double make any clustering a chain.
        let boxes: Vec<Bounds> = (0..64).map(|i| cube(0.0, 2.0f32.powi(i - 20))).collect();
        for quality in [Quality::Fast, Quality::High] {
            let free = Tree::build(&boxes, quality, 64);
            for depth_max in [6, 7, 9, 30] {
                let tree = Tree::build(&boxes, quality, depth_max);
                assert!(
                    tree.depth() <= depth_max.min(free.depth().max(6)),
                    "{} of {depth_max}",
                    tree.depth()
                );
                assert_eq!(leaves(&tree), (0..64).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn equal_boxes_and_few_boxes_are_no_special_case() {
        for count in [1, 2, 3, 1000] {
            let tree = Tree::build(&vec![cube(3.0, 0.0); count], Quality::High, 12);
            assert_eq!(leaves(&tree).len(), count);
            assert!(tree.depth() <= 12);
        }
    }
}
