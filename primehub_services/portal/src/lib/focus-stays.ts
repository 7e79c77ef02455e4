/**
 * Where what has the focus is taken off the page (a removed row, a dismissed line), the keyboard goes on beside it. A
 * browser would put the focus on the page as a whole: at its top, for whoever goes on by Tab.
 */
const CAN = ':is(a[href], button, input, select, textarea, [tabindex]):not(:disabled, [tabindex="-1"])';

/** An element and what it stands in, from the inside out, each with its place among its siblings. */
type Place = { node: Element; index: number }[];

function placeOf(element: Element, root: Element): Place {
  const place: Place = [];
  for (let node = element; node !== root; node = node.parentElement!) place.push({ node, index: [...node.parentElement!.children].indexOf(node) });
  return place;
}

const focusable = (node: Element | undefined) => (node === undefined ? [] : [...(node.matches(CAN) ? [node] : []), ...node.querySelectorAll(CAN)]) as HTMLElement[];

/** The same thing of what stands there now, of what stood before it, or the page where there is neither. */
function beside(place: Place): HTMLElement | null {
  const left = place.findIndex(({ node }) => node.isConnected);
  const page = document.querySelector('main');
  if (left <= 0) return page;
  const removed = place[left - 1]!;
  const nth = focusable(removed.node).indexOf(place[0]!.node as HTMLElement);
  const siblings = place[left]!.node.children;
  if (!page?.contains(place[left]!.node)) return page;
  for (const sibling of [siblings[removed.index], siblings[removed.index - 1]]) {
    const found = focusable(sibling);
    if (found.length > 0) return found[Math.min(nth, found.length - 1)]!;
  }
  return page;
}

/** Keeps the focus in `root`, from now on; what it returns ends that. What stands over the page gives it back by itself. */
export function keepFocus(root: Element): () => void {
  let place: Place = [];
  let path = '';
  const nobody = () => document.activeElement === document.body || document.activeElement === null;
  const took = ({ target }: Event) => {
    if (!root.contains(target as Element) || target === root) return;
    place = placeOf(target as Element, root);
    path = location.pathname;
  };
  const left = ({ target }: Event) => {
    setTimeout(() => {
      if (place[0]?.node === target && (target as Node).isConnected && nobody()) place = []; // somebody clicked beside it
    });
  };
  const lost = () => place.length > 0 && !place[0]!.node.isConnected && nobody();
  const see = () => {
    if (!lost()) return;
    setTimeout(() => {
      if (!lost()) return; // who knows better where it should go was asked first
      const to = path === location.pathname ? beside(place) : null;
      place = [];
      to?.focus({ preventScroll: true });
    });
  };
  const observer = new MutationObserver(see);
  document.addEventListener('focusin', took);
  document.addEventListener('focusout', left);
  observer.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', took);
    document.removeEventListener('focusout', left);
    observer.disconnect();
  };
}
