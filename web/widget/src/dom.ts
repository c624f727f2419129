// Building DOM without markup: no innerHTML, no style attributes, so any page's CSP and Trusted Types hold.

type Props = Record<string, string | boolean | undefined>;
type Child = Node | string | undefined | false;

/** An element with attributes (true = empty, false and undefined = absent) and children; strings become text. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

const svgSpace = 'http://www.w3.org/2000/svg';

const shapes = {
  chat: 'M12 3.5c-5 0-9 3.4-9 7.7 0 2.4 1.3 4.6 3.3 6l-.5 3.3 3.6-1.9c.8.2 1.7.3 2.6.3 5 0 9-3.4 9-7.7s-4-7.7-9-7.7Z',
  down: 'm6 9.5 6 6 6-6',
  cross: 'm6.5 6.5 11 11m0-11-11 11',
  send: 'M12 19V5.5m-6 6 6-6 6 6',
  clock: 'M12 7v5.2l3.2 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z',
  check: 'm5 12.8 4.6 4.5L19 7.5',
  alert: 'M12 7.5v5.5m0 3.4v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z',
  phone:
    'M6 3.8h3l1.6 4.3-2 1.5a11 11 0 0 0 5.8 5.8l1.5-2 4.3 1.6v3c0 1-.8 1.9-1.9 1.8C10.8 19.4 4.6 13.2 4.2 5.7 4.1 4.6 5 3.8 6 3.8Z',
  file: 'M7 3.5h7l4 4v13H7Zm7 0v4h4',
};

export type IconName = keyof typeof shapes;

/** A decorative icon; its meaning stands in words beside it. */
export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(svgSpace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  const path = document.createElementNS(svgSpace, 'path');
  path.setAttribute('d', shapes[name]);
  svg.append(path);
  return svg;
}

/** Writes only what differs: an untouched text node keeps the visitor's selection and is not read aloud again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
