document.getElementById('app')?.append('Switchboard');
