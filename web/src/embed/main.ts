import '../style/tokens.css';
import '../style/base.css';
import { mount } from 'svelte';
import { preferredLanguage, texts } from '../i18n/i18n.svelte';
import Embed from './Embed.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('embed.html has no #app');
await texts.load(preferredLanguage());
mount(Embed, { target });
