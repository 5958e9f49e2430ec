// Makes countries.txt: the countries of the world for the map chart.
// Natural Earth 1:110m (public domain) as packed by the npm package world-atlas (ISC), ISO codes and English names by
// i18n-iso-countries (MIT). Usage, where both are installed: node countries.mjs node_modules > countries.txt
//
// A line: alpha-2 code, name, rings; tab between them. Rings are separated by `|`, points by a blank, a point is
// `longitude,latitude` in tenths of a degree. A place too small for 1:110m is one point: its middle at 1:50m.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const modules = resolve(process.argv[2] ?? "node_modules") + "/";
const iso = createRequire(modules)(modules + "i18n-iso-countries");
const read = (name) => JSON.parse(readFileSync(modules + "world-atlas/" + name + ".json", "utf8"));
// Without an ISO number in Natural Earth. Databases of addresses count the first two to these codes.
const UNNUMBERED = { "N. Cyprus": "CY", "Somaliland": "SO", "Kosovo": "XK" };
const DROPPED = new Set(["AQ"]);
// Where the package's short name is too short, too long or the same for two.
const NAMES = {
  AE: "United Arab Emirates", CD: "DR Congo", FK: "Falkland Islands", FM: "Micronesia", GB: "United Kingdom",
  GM: "Gambia", KR: "South Korea", LA: "Laos", MD: "Moldova", MF: "Saint Martin", NL: "Netherlands", SX: "Sint Maarten",
  SY: "Syria", VA: "Vatican City", VG: "British Virgin Islands", VI: "US Virgin Islands", XK: "Kosovo",
};

// TopoJSON: arcs are differences of whole numbers; a negative number is the arc ~i backwards.
function decoder(topology) {
  const { scale, translate } = topology.transform;
  const arcs = topology.arcs.map((arc) => {
    let x = 0, y = 0;
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], (y += dy) * scale[1] + translate[1]]);
  });
  const ring = (list) => {
    const points = [];
    for (const i of list) points.push(...(i < 0 ? [...arcs[~i]].reverse() : arcs[i]).slice(points.length ? 1 : 0));
    return points;
  };
  return (geometry) => (geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs ?? []).map((polygon) => ring(polygon[0]));
}

// A ring over the antimeridian is made continuous, then cut in two.
function cut(ring) {
  let shift = 0;
  const whole = ring.map(([x, y], i) => {
    if (i > 0) {
      const jump = x - ring[i - 1][0];
      if (jump > 180) shift -= 360;
      if (jump < -180) shift += 360;
    }
    return [x + shift, y];
  });
  return [-360, 0, 360]
    .map((by) => clip(clip(whole.map(([x, y]) => [x + by, y]), -180, 1), 180, -1))
    .filter((part) => part.length > 2);
}

// The part of a ring on one side of a meridian (Sutherland and Hodgman).
function clip(ring, at, side) {
  const inside = ([x]) => (x - at) * side >= 0;
  const out = [];
  ring.forEach((p, i) => {
    const q = ring[(i + ring.length - 1) % ring.length];
    if (inside(p) !== inside(q)) out.push([at, q[1] + (p[1] - q[1]) * (at - q[0]) / (p[0] - q[0])]);
    if (inside(p)) out.push(p);
  });
  return out;
}

const tenths = (ring) => {
  const points = ring.map(([x, y]) => [Math.round(x * 10), Math.round(y * 10)]);
  const fresh = points.filter(([x, y], i) => i === 0 || x !== points[i - 1][0] || y !== points[i - 1][1]);
  const [first, last] = [fresh[0], fresh.at(-1)];
  if (fresh.length > 1 && first[0] === last[0] && first[1] === last[1]) fresh.pop();
  return fresh;
};
const written = (points) => points.map((p) => p.join(",")).join(" ");
const code = (g) => (g.id === undefined ? UNNUMBERED[g.properties.name] : iso.numericToAlpha2(g.id));

const found = new Map();
const coarse = read("countries-110m");
const rings = decoder(coarse);
for (const geometry of coarse.objects.countries.geometries) {
  const alpha2 = code(geometry);
  if (!alpha2 || DROPPED.has(alpha2)) continue;
  const parts = rings(geometry).flatMap(cut).map(tenths).filter((p) => p.length > 2).map(written);
  found.set(alpha2, [...(found.get(alpha2) ?? []), ...parts]);
}
const fine = read("countries-50m");
const fineRings = decoder(fine);
for (const geometry of fine.objects.countries.geometries) {
  const alpha2 = code(geometry);
  if (!alpha2 || DROPPED.has(alpha2) || found.has(alpha2)) continue;
  const largest = fineRings(geometry).sort((a, b) => b.length - a.length)[0];
  const middle = (axis) => largest.reduce((sum, p) => sum + p[axis], 0) / largest.length;
  found.set(alpha2, [written([[Math.round(middle(0) * 10), Math.round(middle(1) * 10)]])]);
}
for (const alpha2 of [...found.keys()].sort()) {
  const name = NAMES[alpha2] ?? iso.getName(alpha2, "en", { select: "alias" }) ?? iso.getName(alpha2, "en");
  console.log([alpha2, name, found.get(alpha2).join("|")].join("\t"));
}
