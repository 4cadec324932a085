//! Pictures that stand alone: SVG 1.1 with the style inside, for light and dark pages.

use std::fmt::Write as _;

use super::{
    condition,
    layered::{Placed, Point, Size, place},
    members, subtitle,
    text::shown,
    title,
};
use crate::{Compiled, EdgeIndex, Node, NodeKind, ScopeIndex, When};

/// Around everything, and inside of frames.
const MARGIN: f64 = 18.0;

/// Of a node, and of the head of a frame.
const NODE_HEIGHT: f64 = 48.0;

const LEAST_WIDTH: f64 = 116.0;

/// Characters of a node's lines, and of what is written at an edge.
const MAX_LINE: usize = 34;
const MAX_EDGE_LABEL: usize = 18;

/// How far along its first curve an edge is labelled: nearer to its end, where those of one node have come apart.
const LABEL_AT: f64 = 0.7;

const STYLE: &str = "\
svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;--page:#fff;--card:#fff;--frame:#f6f7f9;--line:#c6ccd6;\
--text:#1b2330;--soft:#5b6678;--edge:#7b8698;--agent_call:#2563eb;--condition:#b45309;--human_approval:#be185d;\
--parallel_group:#0f766e;--loop:#7c3aed;--subworkflow:#475569}\
@media(prefers-color-scheme:dark){svg{--page:#10151d;--card:#1a212c;--frame:#151b25;--line:#3a4556;--text:#e8ecf2;\
--soft:#9aa6b8;--edge:#8793a6;--agent_call:#6ea0ff;--condition:#f0a04b;--human_approval:#f472b6;--parallel_group:#2dd4bf;\
--loop:#b197fc;--subworkflow:#94a3b8}}\
.page{fill:var(--page)}.card{fill:var(--card);stroke:var(--line)}.frame{fill:var(--frame);stroke:var(--line);\
stroke-dasharray:5 4}.title{fill:var(--text);font-size:13px;font-weight:600}.sub{fill:var(--soft);font-size:11px}\
.edge{fill:none;stroke:var(--edge);stroke-width:1.4}.error{stroke-dasharray:5 4}.head{fill:var(--edge)}\
.label{fill:var(--soft);font-size:11px;text-anchor:middle;paint-order:stroke;stroke:var(--page);stroke-width:4px;\
stroke-linejoin:round}";

/// A scope with its places, and what is in the frames among its nodes.
struct Drawing {
    scope: ScopeIndex,
    placed: Placed,
    sizes: Vec<Size>,
    frames: Vec<Option<Drawing>>,
}

pub(super) fn draw(workflow: &Compiled) -> String {
    let drawing = Drawing::of(workflow, ScopeIndex::TOP);
    let width = drawing.placed.size.width + 2.0 * MARGIN;
    let height = drawing.placed.size.height + 2.0 * MARGIN;
    let name = escaped(&shown(&workflow.settings().name, 200));
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\"><title>{name}</title><style>{STYLE}</style>\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n"
    );
    drawing.draw(workflow, Point { x: MARGIN, y: MARGIN }, &mut picture);
    picture.push_str("</svg>\n");
    picture
}

impl Drawing {
    /// Scopes are not deep inside of each other, which the check of the document holds.
    fn of(workflow: &Compiled, scope: ScopeIndex) -> Self {
        let graph = workflow.scope(scope);
        let nodes = || graph.indices().map(|index| graph.node(index));
        let frames: Vec<Option<Self>> = nodes()
            .map(|node| members(node).map(|inside| Self::of(workflow, inside)))
            .collect();
        let sizes: Vec<Size> = nodes()
            .zip(&frames)
            .map(|(node, frame)| size(node, frame.as_ref()))
            .collect();
        Self {
            scope,
            placed: place(graph, &sizes),
            sizes,
            frames,
        }
    }

    fn draw(&self, workflow: &Compiled, origin: Point, picture: &mut String) {
        let graph = workflow.scope(self.scope);
        let at = |point: &Point| Point {
            x: origin.x + point.x,
            y: origin.y + point.y,
        };
        let corners: Vec<Point> = self.placed.nodes.iter().map(at).collect();
        for (position, points) in self.placed.edges.iter().enumerate() {
            let points: Vec<Point> = points.iter().map(at).collect();
            edge(&points, graph.edge(EdgeIndex::new(position)).when, picture);
        }
        for (index, (corner, size)) in graph.indices().zip(corners.iter().zip(&self.sizes)) {
            let frame = self.frames[index.index()].as_ref();
            card(graph.node(index), *corner, *size, frame.is_some(), picture);
            if let Some(inside) = frame {
                let origin = Point {
                    x: corner.x + (size.width - inside.placed.size.width) / 2.0,
                    y: corner.y + NODE_HEIGHT,
                };
                inside.draw(workflow, origin, picture);
            }
        }
        for (position, points) in self.placed.edges.iter().enumerate() {
            let points: Vec<Point> = points.iter().map(at).collect();
            label(&points, graph.edge(EdgeIndex::new(position)).when, picture);
        }
    }
}

/// A node by what is written in it; a frame also by what is drawn in it.
fn size(node: &Node, frame: Option<&Drawing>) -> Size {
    let title = extent(&shown(title(node), MAX_LINE), 7.6);
    let subtitle = extent(&shown(&subtitle(node), MAX_LINE), 6.2);
    let inside = frame.map(|frame| frame.placed.size).unwrap_or_default();
    let width = (title.max(subtitle) + 30.0)
        .max(LEAST_WIDTH)
        .max(inside.width + 2.0 * MARGIN);
    let height = match frame {
        Some(_) => NODE_HEIGHT + inside.height + MARGIN,
        None => NODE_HEIGHT,
    };
    Size { width, height }
}

/// About how wide a text is. Letters of East Asian scripts take twice the room.
fn extent(text: &str, per_letter: f64) -> f64 {
    let letters: u32 = text
        .chars()
        .map(|letter| if letter < '\u{1100}' { 1 } else { 2 })
        .sum();
    f64::from(letters) * per_letter
}

fn card(node: &Node, corner: Point, size: Size, is_frame: bool, picture: &mut String) {
    let Point { x, y } = corner;
    let Size { width, height } = size;
    let (class, radius) = if is_frame { ("frame", 12) } else { ("card", 8) };
    let kind = node.kind.as_str();
    // Writing into a string does not fail.
    let _ = writeln!(
        picture,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         rx=\"{radius}\"/><rect x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"26\" rx=\"2\" style=\"fill:var(--{kind})\"/>\
         <text class=\"title\" x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"sub\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
        escaped(&shown(&full(node), 400)),
        x + 9.0,
        y + 11.0,
        x + 21.0,
        y + 21.0,
        escaped(&shown(title(node), MAX_LINE)),
        x + 21.0,
        y + 36.0,
        escaped(&shown(&subtitle(node), MAX_LINE)),
    );
}

/// What is told when one points at a node.
fn full(node: &Node) -> String {
    let kind = match node.kind {
        NodeKind::AgentCall(_) => "calls",
        _ => node.kind.as_str(),
    };
    format!("{}: {kind} {}", node.id, subtitle(node))
}

fn edge(points: &[Point], when: &When, picture: &mut String) {
    let class = if *when == When::OnError {
        "edge error"
    } else {
        "edge"
    };
    let mut path = String::new();
    if let Some(Point { x, y }) = points.first() {
        let _ = write!(path, "M{x:.1} {y:.1}");
    }
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let half = (to.y - from.y) / 2.0;
        // Without a direction, the head of the arrow would have none either.
        if half.abs() < 0.05 {
            continue;
        }
        let _ = if (from.x - to.x).abs() < 0.05 {
            write!(path, "V{:.1}", to.y)
        } else {
            write!(
                path,
                "C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
                from.x,
                from.y + half,
                to.x,
                to.y - half,
                to.x,
                to.y
            )
        };
    }
    let _ = writeln!(
        picture,
        "<path class=\"{class}\" d=\"{path}\" marker-end=\"url(#head)\"/>"
    );
}

fn label(points: &[Point], when: &When, picture: &mut String) {
    // Between the layer that it leaves and the next.
    let (Some(text), [_, from, to, ..]) = (condition(when), points) else {
        return;
    };
    let ease = LABEL_AT * LABEL_AT * (3.0 - 2.0 * LABEL_AT);
    let x = from.x + (to.x - from.x) * ease;
    let y = from.y + (to.y - from.y) * LABEL_AT * 0.9;
    let text = escaped(&shown(&text, MAX_EDGE_LABEL));
    let _ = writeln!(
        picture,
        "<text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

/// Text in XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
