//! Which images to remove so that the layers fit a budget: pure, over what Docker tells of images.
//!
//! Docker gives an image's size and how much of that it shares with any other image, not the size of
//! each layer, and adding sizes up counts shared layers many times. But images are chains of layers, and
//! chains that begin alike form a tree: an image's size is known where its chain ends, and what it shares
//! is the size down to the last fork on its way. Between these places the sizes are differences.
//! Only a fork below which every chain forks again has no known size; it counts once for each side,
//! so a sum may be too large, never too small.

use std::collections::{BTreeMap, HashMap};

/// Whether an image may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not codegod's: its layers cost the budget nothing, and it stays.
    Stranger,
    /// Counts, and stays.
    Kept,
    /// Counts, and may go.
    Evictable,
}

/// What the choice knows of an image.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Its layers from the base up.
    pub(super) layers: Vec<String>,
    /// The size of them all in bytes.
    pub(super) size: u64,
    /// The size of those that another image has, too.
    pub(super) shared: u64,
    /// When it was last used; only the order counts.
    pub(super) last_used: i64,
    /// Whether it may go.
    pub(super) standing: Standing,
}

/// What to remove.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The bytes of all layers that are codegod's alone.
    pub(super) used: u64,
    /// The images to remove, by their index, with the bytes that each frees, in order.
    pub(super) evict: Vec<(usize, u64)>,
}

/// Pieces of chains, each with its size and how many images still need it.
struct Pieces {
    /// For each image, the pieces that make it up.
    of: Vec<Vec<usize>>,
    size: Vec<u64>,
    needed_by: Vec<usize>,
}

/// Chooses the least recently used until the rest fits; an image whose removal frees nothing at the
/// moment (others stand on it) is passed over.
pub(super) fn choose(images: &[Chain], budget: u64) -> Choice {
    let mut pieces = Pieces::cut(images);
    let used = pieces.used(images);
    let mut order: Vec<usize> =
        (0..images.len()).filter(|index| images[*index].standing == Standing::Evictable).collect();
    order.sort_by_key(|index| (images[*index].last_used, *index));
    let (mut left, mut evict) = (used, Vec::new());
    while left > budget {
        let Some(position) = order.iter().position(|index| pieces.freed_by(*index) > 0) else { break };
        let index = order.remove(position);
        let freed = pieces.remove(index);
        left = left.saturating_sub(freed);
        evict.push((index, freed));
    }
    Choice { used, evict }
}

/// How many bytes each image's pieces are, a piece that several share counted for the first of them.
pub(super) fn attribute(images: &[Chain]) -> Vec<u64> {
    let pieces = Pieces::cut(images);
    let mut counted = vec![false; pieces.size.len()];
    for (image, of) in images.iter().zip(&pieces.of) {
        of.iter().filter(|_| image.standing == Standing::Stranger).for_each(|piece| counted[*piece] = true);
    }
    let first = |piece: &&usize| !std::mem::replace(&mut counted[**piece], true);
    let mut first = first;
    pieces
        .of
        .iter()
        .map(|of| of.iter().filter(|piece| first(piece)).map(|piece| pieces.size[*piece]).sum())
        .collect()
}

impl Pieces {
    /// Cuts the tree of chains at the places where its size is known.
    fn cut(images: &[Chain]) -> Self {
        let mut nodes: HashMap<(usize, &str), usize> = HashMap::new();
        let mut passing = vec![0_usize];
        let paths: Vec<Vec<usize>> = images
            .iter()
            .map(|image| {
                let mut node = 0;
                let mut path = Vec::with_capacity(image.layers.len());
                for layer in &image.layers {
                    node = *nodes.entry((node, layer)).or_insert_with(|| {
                        passing.push(0);
                        passing.len() - 1
                    });
                    passing[node] += 1;
                    path.push(node);
                }
                path
            })
            .collect();
        let mut known: BTreeMap<usize, u64> = BTreeMap::new();
        for (image, path) in images.iter().zip(&paths) {
            known.extend(path.last().map(|end| (*end, image.size)));
            let fork = path.iter().rev().find(|node| passing[**node] > 1);
            known.extend(fork.map(|fork| (*fork, image.shared)));
        }
        let mut size = vec![0; passing.len()];
        let mut of = Vec::with_capacity(paths.len());
        for path in &paths {
            let places: Vec<usize> = path.iter().copied().filter(|node| known.contains_key(node)).collect();
            let mut above = 0;
            for place in &places {
                size[*place] = known[place].saturating_sub(above);
                above = known[place];
            }
            of.push(places);
        }
        Self { of, size, needed_by: passing }
    }

    /// The bytes that only codegod's images need.
    fn used(&self, images: &[Chain]) -> u64 {
        let mut counts = vec![false; self.size.len()];
        for standing in [Standing::Kept, Standing::Evictable, Standing::Stranger] {
            for (image, of) in images.iter().zip(&self.of).filter(|(image, _)| image.standing == standing) {
                of.iter().for_each(|piece| counts[*piece] = image.standing != Standing::Stranger);
            }
        }
        self.size.iter().zip(counts).filter_map(|(size, counts)| counts.then_some(size)).sum()
    }

    fn freed_by(&self, image: usize) -> u64 {
        let alone = self.of[image].iter().filter(|piece| self.needed_by[**piece] == 1);
        alone.map(|piece| self.size[*piece]).sum()
    }

    fn remove(&mut self, image: usize) -> u64 {
        let freed = self.freed_by(image);
        for piece in &self.of[image] {
            self.needed_by[*piece] -= 1;
        }
        freed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An image as it is generated: what it stands on, the sizes of its own layers, and the rest.
    type Made = (Option<prop::sample::Index>, Vec<u64>, i64, u8);

    fn standing(number: u8) -> Standing {
        match number {
            0 => Standing::Stranger,
            1 => Standing::Kept,
            _ => Standing::Evictable,
        }
    }

    /// Chains with the sizes that Docker would tell, and the size of each layer.
    fn build(made: &[Made]) -> (Vec<Chain>, HashMap<String, u64>) {
        let mut sizes = HashMap::new();
        let mut layers: Vec<Vec<String>> = Vec::new();
        for (number, (parent, own, ..)) in made.iter().enumerate() {
            let mut chain = match parent {
                Some(parent) if number > 0 => layers[parent.index(number)].clone(),
                _ => Vec::new(),
            };
            for (depth, size) in own.iter().enumerate() {
                let name = format!("{number}.{depth}");
                sizes.insert(name.clone(), *size);
                chain.push(name);
            }
            layers.push(chain);
        }
        let sum = |layers: &[String]| layers.iter().map(|layer| sizes[layer]).sum();
        let chains = made.iter().zip(&layers).map(|((_, _, last_used, number), chain)| {
            let others = |layer: &String| layers.iter().filter(|other| other.contains(layer)).count() > 1;
            let shared: Vec<String> = chain.iter().filter(|layer| others(layer)).cloned().collect();
            let (size, shared) = (sum(chain), sum(&shared));
            Chain { layers: chain.clone(), size, shared, last_used: *last_used, standing: standing(*number) }
        });
        (chains.collect(), sizes)
    }

    /// What Docker would have on its disk for codegod alone.
    fn truth<'a>(images: impl Iterator<Item = &'a Chain> + Clone, sizes: &HashMap<String, u64>) -> u64 {
        let of = |strangers: bool| {
            let mut layers: Vec<&String> = images
                .clone()
                .filter(|image| (image.standing == Standing::Stranger) == strangers)
                .flat_map(|image| &image.layers)
                .collect();
            layers.sort();
            layers.dedup();
            layers
        };
        let theirs = of(true);
        of(false).iter().filter(|layer| !theirs.contains(layer)).map(|layer| sizes[*layer]).sum()
    }

    fn images() -> impl Strategy<Value = Vec<Made>> {
        let image = (
            any::<Option<prop::sample::Index>>(),
            prop::collection::vec(0..100_u64, 0..4),
            0..20_i64,
            0..6_u8,
        );
        prop::collection::vec(image, 0..14)
    }

    proptest! {
        #[test]
        fn the_least_recently_used_go_until_the_rest_fits(made in images(), budget in 0..1500_u64) {
            let (chains, sizes) = build(&made);
            let choice = choose(&chains, budget);
            // Every fork is an image here, so every size is known exactly.
            prop_assert_eq!(choice.used, truth(chains.iter(), &sizes));
            let gone = |index: &usize| choice.evict.iter().any(|(evicted, _)| evicted == index);
            let left = truth((0..chains.len()).filter(|index| !gone(index)).map(|index| &chains[index]), &sizes);
            prop_assert_eq!(left, choice.used - choice.evict.iter().map(|(_, freed)| freed).sum::<u64>());
            for (index, freed) in &choice.evict {
                prop_assert_eq!(chains[*index].standing, Standing::Evictable);
                prop_assert!(*freed > 0);
            }
            // Either it fits, and did not before the last one went, or nothing that frees anything is left.
            if let Some((_, last)) = choice.evict.last() {
                prop_assert!(left + last > budget);
            }
            for index in (0..chains.len()).filter(|index| !gone(index)) {
                if chains[index].standing != Standing::Evictable { continue; }
                let without = truth(
                    (0..chains.len()).filter(|other| !gone(other) && *other != index).map(|other| &chains[other]),
                    &sizes,
                );
                prop_assert!(left <= budget || without == left, "{index} could have gone, too");
            }
        }

        #[test]
        fn a_removed_middle_never_makes_the_sum_too_small(made in images(), gone in prop::collection::vec(any::<bool>(), 14)) {
            let (all, sizes) = build(&made);
            let mut chains: Vec<Chain> =
                all.into_iter().zip(gone).filter_map(|(chain, gone)| (!gone).then_some(chain)).collect();
            let layers: Vec<Vec<String>> = chains.iter().map(|chain| chain.layers.clone()).collect();
            for chain in &mut chains {
                let others = |layer: &&String| layers.iter().filter(|other| other.contains(layer)).count() > 1;
                chain.shared = chain.layers.iter().filter(others).map(|layer| sizes[layer]).sum();
            }
            prop_assert!(choose(&chains, u64::MAX).used >= truth(chains.iter(), &sizes));
        }

        #[test]
        fn nothing_goes_while_all_fits_and_every_byte_has_one_owner(made in images()) {
            let (chains, _) = build(&made);
            let choice = choose(&chains, 1 << 40);
            prop_assert_eq!(&choice.evict, &Vec::new());
            let ours = chains.iter().zip(attribute(&chains)).filter(|(chain, _)| chain.standing != Standing::Stranger);
            prop_assert_eq!(ours.map(|(_, bytes)| bytes).sum::<u64>(), choice.used);
        }
    }

    #[test]
    fn the_older_of_two_goes_and_one_that_others_stand_on_is_passed_over() {
        let chain = |layers: &[&str], size, shared, last_used| Chain {
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            size,
            shared,
            last_used,
            standing: Standing::Evictable,
        };
        let images = [
            chain(&["base", "venv"], 300, 300, 1),
            chain(&["base", "venv", "flask"], 350, 300, 3),
            chain(&["base", "node"], 400, 200, 2),
        ];
        assert_eq!(choose(&images, 550), Choice { used: 550, evict: vec![] });
        assert_eq!(choose(&images, 549), Choice { used: 550, evict: vec![(2, 200)] });
        assert_eq!(choose(&images, 340), Choice { used: 550, evict: vec![(2, 200), (1, 50)] });
        assert_eq!(choose(&images, 0), Choice { used: 550, evict: vec![(2, 200), (1, 50), (0, 300)] });
    }
}
