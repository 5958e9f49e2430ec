#!/bin/sh
# Makes DejaVuSans-subset.ttf of Debian's fonts-dejavu-core (2.37), with pyftsubset of PyPI's fonttools.
# Usage: subset-font.sh path/to/DejaVuSans.ttf
# Latin with Extended-A, basic Greek and Cyrillic, punctuation, currency, arrows, comparisons, and a few signs.
set -eu
cd "$(dirname "$0")"
pyftsubset "$1" --output-file=DejaVuSans-subset.ttf --no-hinting --drop-tables+=GSUB,GPOS,GDEF,FFTM,MATH \
  --legacy-kern --notdef-outline --name-IDs=0,1,2,3,4,5,6,13,14 \
  --unicodes=20-7E,A0-17F,384-3CE,400-45F,490,491,2010-2026,202F,2030,2032,2033,2039,203A,20AC,2122,2190-2199,2212,221E,2248,2260,2264,2265,25A0,25B2,25B6,25BC,25C0,25CB,25CF,2713,2717,26A0,FFFD
