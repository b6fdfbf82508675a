/** The page begins here. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/overview.css';
import './styles/views.css';
import { App } from './app.js';

const root = document.getElementById('page');
if (root !== null) render(<App />, root);
