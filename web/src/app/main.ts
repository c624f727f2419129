import '../style/tokens.css';
import '../style/base.css';
import '../style/screen.css';
import { mount } from 'svelte';
import { preferredLanguage, texts } from '../i18n/i18n.svelte';
import App from './App.svelte';
import { chooseTheme, chosenTheme } from './theme';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
chooseTheme(chosenTheme());
await texts.load(preferredLanguage());
mount(App, { target });
