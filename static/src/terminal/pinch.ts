// Two fingers change the size of the letters, for this device and session.

import { SMALLEST } from "./fit";

export const LARGEST = 24;

interface Point {
  clientX: number;
  clientY: number;
}

export interface Pinch {
  distance: number;
  letters: number;
}

const distance = ([a, b]: ArrayLike<Point> & Iterable<Point>): number =>
  a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;

/** Null when it is not two fingers. */
export function beginPinch(touches: ArrayLike<Point> & Iterable<Point>, letters: number): Pinch | null {
  return touches.length === 2 ? { distance: distance(touches), letters } : null;
}

/** The size of the letters now, in quarters of a px. */
export function pinched(pinch: Pinch, touches: ArrayLike<Point> & Iterable<Point>): number {
  const wanted = pinch.letters * (distance(touches) / Math.max(1, pinch.distance));
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(wanted * 4) / 4));
}

const key = (session: string): string => `codepiper.letters.${session}`;

export function keptLetters(session: string, otherwise: number): number {
  const kept = Number(localStorage.getItem(key(session)));
  return kept >= SMALLEST && kept <= LARGEST ? kept : otherwise;
}

export function keepLetters(session: string, letters: number): void {
  localStorage.setItem(key(session), String(letters));
}
