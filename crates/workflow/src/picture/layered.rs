//! Where the nodes of a scope stand, layer below layer, and on which ways its edges go between them (the method of
//! Sugiyama, Tagawa and Toda, 1981: layers, order within each by the mean of the neighbours, places).

use super::spread;
use crate::{EdgeIndex, Graph};

/// Between a layer and the next; room for what is written at an edge.
const LAYER_GAP: f64 = 58.0;

/// Room that an edge has to itself where it passes through a layer.
const BEND_WIDTH: f64 = 12.0;

/// Bends that are made room for. With more of them, long edges go straight through what is in their way.
const MAX_BENDS: usize = 20_000;

/// Times that the order within the layers is improved, from the top and from the bottom by turns.
const SWEEPS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A scope with everything in its place; the upper left corner is the origin.
#[derive(Debug)]
pub(super) struct Placed {
    /// The upper left corners of the nodes, in document order.
    pub(super) nodes: Vec<Point>,
    /// The points that each edge goes through, in document order: from the lower side of its source to the upper side of its
    /// target.
    pub(super) edges: Vec<Vec<Point>>,
    pub(super) size: Size,
}

/// A node, or the place where a long edge passes through a layer.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) size: Size,
    /// What it is joined with in the layer above.
    pub(super) above: Vec<usize>,
    /// What it is joined with in the layer below.
    pub(super) below: Vec<usize>,
}

/// Finds places for nodes of these sizes.
pub(super) fn place(graph: &Graph, sizes: &[Size]) -> Placed {
    let mut items: Vec<Item> = sizes
        .iter()
        .map(|size| Item {
            size: *size,
            ..Item::default()
        })
        .collect();
    let mut layers: Vec<Vec<usize>> = graph
        .layers()
        .iter()
        .map(|layer| layer.iter().map(|node| node.index()).collect())
        .collect();
    let ways = ways(graph, &mut items, &mut layers);
    order(&items, &mut layers);
    let centers = spread::centers(&items, &layers);
    let (bands, height) = bands(&items, &layers);
    let mut band_of = vec![(0.0, 0.0); items.len()];
    for (layer, band) in layers.iter().zip(bands) {
        for item in layer {
            band_of[*item] = band;
        }
    }
    let right = |item: usize| centers[item] + items[item].size.width / 2.0;
    let corner = |item: usize| {
        let (Size { width, height }, (top, bottom)) = (items[item].size, band_of[item]);
        Point {
            x: centers[item] - width / 2.0,
            y: f64::midpoint(top, bottom) - height / 2.0,
        }
    };
    let path = |way: &Vec<usize>| path(way, &items, &centers, &band_of);
    Placed {
        nodes: (0..sizes.len()).map(corner).collect(),
        edges: ways.iter().map(path).collect(),
        size: Size {
            width: (0..items.len()).map(right).fold(0.0, f64::max),
            height,
        },
    }
}

/// The items that each edge leads through, its ends included. Adds the bends of long edges to their layers.
fn ways(graph: &Graph, items: &mut Vec<Item>, layers: &mut [Vec<usize>]) -> Vec<Vec<usize>> {
    let mut ways = Vec::with_capacity(graph.edge_count());
    for edge in (0..graph.edge_count())
        .map(EdgeIndex::new)
        .map(|edge| graph.edge(edge))
    {
        let mut way = vec![edge.from.index()];
        let between = graph.layer_of(edge.from) as usize + 1..graph.layer_of(edge.to) as usize;
        if items.len() + between.len() <= graph.len() + MAX_BENDS {
            for layer in between {
                let bend = items.len();
                items.push(Item::default());
                items[bend].size.width = BEND_WIDTH;
                layers[layer].push(bend);
                way.push(bend);
            }
        }
        way.push(edge.to.index());
        for joined in way.windows(2) {
            items[joined[0]].below.push(joined[1]);
            items[joined[1]].above.push(joined[0]);
        }
        ways.push(way);
    }
    ways
}

/// Brings what is joined near to each other, so that few edges cross.
fn order(items: &[Item], layers: &mut [Vec<usize>]) {
    let mut rank = vec![0.0; items.len()];
    let note = |layer: &[usize], rank: &mut [f64]| {
        // Layers have different lengths, so that what counts is how far through its layer an item is.
        let step = 1.0 / (layer.len() as f64);
        for (position, item) in layer.iter().enumerate() {
            rank[*item] = (position as f64 + 0.5) * step;
        }
    };
    for layer in layers.iter() {
        note(layer, &mut rank);
    }
    let count = layers.len();
    for sweep in 0..SWEEPS {
        let downwards = sweep % 2 == 0;
        for step in 0..count {
            let layer = if downwards { step } else { count - 1 - step };
            let mean = |item: usize| {
                let Item { above, below, .. } = &items[item];
                let near = if downwards { above } else { below };
                spread::mean(near, &rank).unwrap_or(rank[item])
            };
            let means: Vec<(f64, usize)> = layers[layer].iter().map(|item| (mean(*item), *item)).collect();
            let mut sorted = means;
            sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            layers[layer] = sorted.into_iter().map(|(_, item)| item).collect();
            note(&layers[layer], &mut rank);
        }
    }
}

/// The upper and the lower side of each layer, and where the last one ends.
fn bands(items: &[Item], layers: &[Vec<usize>]) -> (Vec<(f64, f64)>, f64) {
    let mut top = 0.0;
    let mut end = 0.0;
    let bands = layers.iter().map(|layer| {
        let height = layer
            .iter()
            .map(|item| items[*item].size.height)
            .fold(0.0, f64::max);
        end = top + height;
        let band = (top, end);
        top = end + LAYER_GAP;
        band
    });
    (bands.collect(), end)
}

fn path(way: &[usize], items: &[Item], centers: &[f64], band_of: &[(f64, f64)]) -> Vec<Point> {
    let mut path = Vec::with_capacity(2 * way.len() + 2);
    let last = way.len() - 1;
    for (position, item) in way.iter().copied().enumerate() {
        let x = centers[item];
        let ((top, bottom), half) = (band_of[item], items[item].size.height / 2.0);
        let middle = f64::midpoint(top, bottom);
        let (enters, leaves) = (Point { x, y: top }, Point { x, y: bottom });
        if position == 0 {
            path.extend([Point { x, y: middle + half }, leaves]);
        } else if position == last {
            path.extend([enters, Point { x, y: middle - half }]);
        } else {
            path.extend([enters, leaves]);
        }
    }
    path
}
