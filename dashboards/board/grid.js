// A plain table whose rows Vue updates in place, so that a refresh keeps focus, selection and scroll.
// Every text is bound as text: names and headlines come from outside.
export default {
  template: `
    <div class="fw-grid" role="region" :aria-label="label" tabindex="0">
      <table v-if="rows.length">
        <caption class="fw-hidden">{{ label }}</caption>
        <thead>
          <tr><th v-for="column in columns" :key="column.key" scope="col" :class="'fw-col-' + column.key">{{ column.label }}</th></tr>
        </thead>
        <tbody>
          <tr v-for="row in rows" :key="row.id" :data-id="row.id" :class="row.tone ? 'fw-tone-' + row.tone : ''">
            <td v-for="column in columns" :key="column.key" :class="'fw-col-' + column.key">
              <template v-if="row.cells[column.key]">
                <button v-if="row.cells[column.key].action" type="button" class="fw-button" :aria-label="row.cells[column.key].aria"
                  @click="$emit('act', row.id)">{{ row.cells[column.key].action }}</button>
                <span v-if="row.cells[column.key].chip" class="fw-chip" :class="'fw-' + row.cells[column.key].chip"><span
                  v-if="row.cells[column.key].mark" class="fw-mark" aria-hidden="true">{{ row.cells[column.key].mark }}</span>{{ row.cells[column.key].text }}</span>
                <a v-else-if="row.cells[column.key].href" class="fw-link" :href="row.cells[column.key].href">{{ row.cells[column.key].text }}</a>
                <span v-else-if="row.cells[column.key].text" :class="row.cells[column.key].mono ? 'fw-mono' : ''">{{ row.cells[column.key].text }}</span>
                <span v-if="row.cells[column.key].bar !== undefined" class="fw-bar" aria-hidden="true"><span
                  :style="{ width: 100 * row.cells[column.key].bar + '%' }"></span></span>
                <span v-if="row.cells[column.key].sub" class="fw-sub">{{ row.cells[column.key].sub }}</span>
              </template>
            </td>
          </tr>
        </tbody>
      </table>
      <p v-else class="fw-empty">{{ empty }}</p>
    </div>`,
  props: { label: String, empty: String, columns: Array, rows: Array },
};
