import { LabIcon } from '@jupyterlab/ui-components';

/** A cell that goes to work: the mark of jobs. */
export const jobsIcon = new LabIcon({
  name: 'primehub:jobs',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M4 4h11a2 2 0 0 1 2 2v4.1a6.5 6.5 0 0 0-2-.1V6H4v12h5.1c.2.7.5 1.4.9 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z"/>
    <path d="M6 8.5h7v1.8H6zM6 12h4v1.8H6z"/>
    <path d="M16 11.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zm-1.6 2.9v5.2l4.3-2.6z"/>
  </g>
</svg>`,
});
