//! Where the items of layers stand from left to right: near to what they are joined with, and never on each other.

use super::layered::Item;

/// Between an item and the next.
const GAP: f64 = 28.0;

/// Times that items move towards what they are joined with, downwards and upwards by turns.
const PASSES: usize = 12;

/// The middle of each item. The leftmost begins at zero.
pub(super) fn centers(items: &[Item], layers: &[Vec<usize>]) -> Vec<f64> {
    let mut centers = vec![0.0; items.len()];
    for layer in layers {
        settle(layer, items, &mut centers);
    }
    let count = layers.len();
    for pass in 0..PASSES {
        let downwards = pass % 2 == 0;
        for step in 0..count {
            let layer = &layers[if downwards { step } else { count - 1 - step }];
            for item in layer {
                let Item { above, below, .. } = &items[*item];
                let near = if downwards { above } else { below };
                if let Some(mean) = mean(near, &centers) {
                    centers[*item] = mean;
                }
            }
            settle(layer, items, &mut centers);
        }
    }
    let left = |(center, item): (&f64, &Item)| center - item.size.width / 2.0;
    let leftmost = centers.iter().zip(items).map(left).fold(f64::INFINITY, f64::min);
    centers.iter().map(|center| center - leftmost).collect()
}

pub(super) fn mean(of: &[usize], values: &[f64]) -> Option<f64> {
    let sum: f64 = of.iter().map(|item| values[*item]).sum();
    (!of.is_empty()).then(|| sum / (of.len() as f64))
}

/// Moves the items of a layer apart where they are too near, each as little to the left as to the right: of two ways to do so,
/// one that only moves to the right and one that only moves to the left, the mean keeps the distances too.
fn settle(layer: &[usize], items: &[Item], centers: &mut [f64]) {
    let distance = |a: usize, b: usize| f64::midpoint(items[a].size.width, items[b].size.width) + GAP;
    let mut right: Vec<f64> = layer.iter().map(|item| centers[*item]).collect();
    let mut left = right.clone();
    for position in 1..layer.len() {
        let least = right[position - 1] + distance(layer[position - 1], layer[position]);
        right[position] = right[position].max(least);
    }
    for position in (1..layer.len()).rev() {
        let most = left[position] - distance(layer[position - 1], layer[position]);
        left[position - 1] = left[position - 1].min(most);
    }
    for (item, (left, right)) in layer.iter().zip(left.into_iter().zip(right)) {
        centers[*item] = f64::midpoint(left, right);
    }
}
