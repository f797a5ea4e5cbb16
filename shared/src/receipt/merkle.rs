//! Merkle trees over digests. A leaf, an inner node and a root are hashed under names of their own, and the root with the count
//! of its leaves and what the tree is of, so that no node passes for another. Knows nothing of what the digests are of.

use crate::digest::Digest;

const LEAF: &[u8] = b"tessera merkle 1 leaf\0";
const INNER: &[u8] = b"tessera merkle 1 inner\0";
const ROOT: &[u8] = b"tessera merkle 1 root\0";

/// What a tree is of; a part of its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeOf {
    /// Blocks of an integer film.
    Film,
    /// Blocks of 32-bit pixels.
    Exr,
    /// Blocks of 16-bit pixels.
    ExrHalf,
    /// Fields of a receipt's job.
    Job,
    /// Fields of a receipt's frame.
    Frame,
}

impl TreeOf {
    fn label(self) -> &'static [u8] {
        match self {
            TreeOf::Film => b"film\0",
            TreeOf::Exr => b"exr\0",
            TreeOf::ExrHalf => b"exr-half\0",
            TreeOf::Job => b"job\0",
            TreeOf::Frame => b"frame\0",
        }
    }
}

/// A tree with all its nodes. Neighbours are joined level by level; a last node without a neighbour moves up as it is.
#[derive(Clone, Debug)]
pub struct Tree {
    of: TreeOf,
    /// Hashed leaves first; the last level has at most one node.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    pub fn new(of: TreeOf, leaves: &[Digest]) -> Tree {
        let mut levels = vec![leaves.iter().map(leaf_node).collect::<Vec<_>>()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let above = last.chunks(2).map(|pair| match pair {
                [left, right] => inner_node(left, right),
                lone => lone[0],
            });
            let above = above.collect();
            levels.push(above);
        }
        Tree { of, levels }
    }

    pub fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|top| top.first()).copied();
        root_node(self.of, self.levels[0].len() as u64, &top.unwrap_or(Digest([0; 32])))
    }

    /// What shows that the leaf at `index` is in the tree; `None` beyond its end.
    pub fn proof(&self, index: u64) -> Option<Proof> {
        let count = self.levels[0].len() as u64;
        let mut at = usize::try_from(index).ok().filter(|_| index < count)?;
        let mut path = Vec::new();
        for level in &self.levels {
            path.extend(level.get(at ^ 1).filter(|_| level.len() > 1));
            at /= 2;
        }
        Some(Proof { index, count, path })
    }
}

/// A leaf's place and the nodes beside its way to the root, from the leaf up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub index: u64,
    /// Leaves of the tree.
    pub count: u64,
    pub path: Vec<Digest>,
}

impl Proof {
    /// The root of the tree that has this leaf at this place; `None` where no tree has such a proof. The caller compares the
    /// root with one that it trusts.
    pub fn root(&self, of: TreeOf, leaf: &Digest) -> Option<Digest> {
        if self.index >= self.count {
            return None;
        }
        let (mut at, mut width, mut node) = (self.index, self.count, leaf_node(leaf));
        let mut path = self.path.iter();
        while width > 1 {
            node = match at % 2 {
                1 => inner_node(path.next()?, &node),
                _ if at + 1 < width => inner_node(&node, path.next()?),
                _ => node,
            };
            (at, width) = (at / 2, width.div_ceil(2));
        }
        path.next().is_none().then(|| root_node(of, self.count, &node))
    }
}

fn leaf_node(leaf: &Digest) -> Digest {
    Digest::of_parts([LEAF, &leaf.0])
}

fn inner_node(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts([INNER, &left.0, &right.0])
}

fn root_node(of: TreeOf, count: u64, top: &Digest) -> Digest {
    Digest::of_parts([ROOT, of.label(), &count.to_le_bytes(), &top.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count).map(|at| Digest::of(&(at as u64).to_le_bytes())).collect()
    }

    fn flipped(digest: &Digest, bit: usize) -> Digest {
        let mut bytes = digest.0;
        bytes[bit / 8 % 32] ^= 1 << (bit % 8);
        Digest(bytes)
    }

    #[test]
    fn no_node_passes_for_another() {
        let pair = leaves(2);
        let tree = Tree::new(TreeOf::Film, &pair);
        let top = tree.levels[1][0];
        // An inner node as a leaf, a tree as its own subtree, another kind, and one leaf more.
        assert_ne!(Tree::new(TreeOf::Film, &[top]).root(), tree.root());
        assert_ne!(Tree::new(TreeOf::Film, &tree.levels[0]).root(), tree.root());
        assert_ne!(Tree::new(TreeOf::Exr, &pair).root(), tree.root());
        assert_ne!(Tree::new(TreeOf::Film, &[pair[0], pair[1], pair[1]]).root(), tree.root());
        assert_ne!(Tree::new(TreeOf::Film, &[]).root(), Tree::new(TreeOf::Film, &[Digest([0; 32])]).root());
    }

    #[test]
    fn trees_of_every_small_size_prove_every_leaf_at_its_place_alone() {
        for count in 1..34 {
            let leaves = leaves(count);
            let tree = Tree::new(TreeOf::Exr, &leaves);
            for (at, leaf) in leaves.iter().enumerate() {
                let proof = tree.proof(at as u64).unwrap();
                assert_eq!(proof.root(TreeOf::Exr, leaf), Some(tree.root()));
                for index in (0..count as u64 + 2).filter(|index| *index != at as u64) {
                    let moved = Proof { index, ..proof.clone() };
                    assert_ne!(moved.root(TreeOf::Exr, leaf), Some(tree.root()), "{count} {at} {index}");
                }
            }
            assert_eq!(tree.proof(count as u64), None);
        }
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_leaf_moves_the_root(count in 1usize..70, at in any::<usize>(), bit in 0usize..256) {
            let mut leaves = leaves(count);
            let root = Tree::new(TreeOf::Film, &leaves).root();
            let at = at % count;
            leaves[at] = flipped(&leaves[at], bit);
            prop_assert_ne!(Tree::new(TreeOf::Film, &leaves).root(), root);
        }

        #[test]
        fn any_flipped_bit_of_a_proof_or_its_leaf_fails(
            count in 1usize..70, at in any::<usize>(), node in any::<usize>(), bit in 0usize..256,
        ) {
            let leaves = leaves(count);
            let tree = Tree::new(TreeOf::Film, &leaves);
            let at = at % count;
            let mut proof = tree.proof(at as u64).unwrap();
            let mut leaf = leaves[at];
            match node % (proof.path.len() + 1) {
                0 => leaf = flipped(&leaf, bit),
                node => proof.path[node - 1] = flipped(&proof.path[node - 1], bit),
            }
            prop_assert_ne!(proof.root(TreeOf::Film, &leaf), Some(tree.root()));
        }

        #[test]
        fn a_proof_for_another_count_or_of_another_length_fails(
            count in 1u64..70, other in 0u64..70, at in any::<u64>(), longer in any::<bool>(),
        ) {
            let leaves = leaves(count as usize);
            let tree = Tree::new(TreeOf::Film, &leaves);
            let at = at % count;
            let proof = tree.proof(at).unwrap();
            let leaf = leaves[at as usize];
            if other != count {
                let resized = Proof { count: other, ..proof.clone() };
                prop_assert_ne!(resized.root(TreeOf::Film, &leaf), Some(tree.root()));
            }
            let mut path = proof.path.clone();
            match longer {
                true => path.push(Digest([0; 32])),
                false => drop(path.pop()),
            }
            if path.len() != proof.path.len() {
                let resized = Proof { path, ..proof };
                prop_assert_eq!(resized.root(TreeOf::Film, &leaf), None);
            }
        }

        #[test]
        fn two_leaves_that_change_places_move_the_root(count in 2usize..70, a in any::<usize>(), b in any::<usize>()) {
            let mut leaves = leaves(count);
            let root = Tree::new(TreeOf::Film, &leaves).root();
            let (a, b) = (a % count, b % count);
            leaves.swap(a, b);
            prop_assert_eq!(Tree::new(TreeOf::Film, &leaves).root() == root, a == b);
        }
    }
}
